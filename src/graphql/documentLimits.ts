import type { ApolloServerPlugin } from '@apollo/server';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  BREAK,
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  Kind,
  type SelectionNode,
  type ValidationContext,
  type ValidationRule,
  visit,
} from 'graphql';
import type { Config } from '../config/config.ts';

/** Far more than real documents have. Each costs work before anything is executed. */
const maxDirectives = 50;
const maxSpreads = 200;
const maxRepeated = 20;

/** By default the rules throw, which Apollo Server treats as an internal error. */
const reporting = {
  onReject: [(context: ValidationContext | null, error: GraphQLError) => context?.reportError(error)],
  propagateOnRejection: false,
};

type DocumentLimits = { rules: ValidationRule[]; shapeGuard: ApolloServerPlugin };

/** Rejects documents whose shape is expensive, before they are executed. */
export function createDocumentLimits({ GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES }: Config): DocumentLimits {
  /** The problem of each document that the guard emptied. */
  const problems = new WeakMap<DocumentNode, string>();

  function rejectExpensiveShape(context: ValidationContext) {
    const problem = problems.get(context.getDocument());
    if (problem !== undefined) context.reportError(new GraphQLError(problem));
    return {};
  }

  const rules = [
    rejectExpensiveShape,
    maxDepthRule({ n: GRAPHQL_MAX_DEPTH, ...reporting }),
    maxAliasesRule({ n: GRAPHQL_MAX_ALIASES, allowList: [], ...reporting }),
    maxDirectivesRule({ n: maxDirectives, ...reporting }),
  ] as ValidationRule[];
  return {
    rules,
    shapeGuard: createShapeGuard(GRAPHQL_MAX_ALIASES, (document, problem) => problems.set(document, problem)),
  };
}

type OnExpensive = (document: DocumentNode, problem: string) => void;

/**
 * GraphQL's own rules run before all others. They compare fragments and fields of one name pairwise, and visit each of a thousand
 * aliases, which took more than 100 ms for what 4,000 tokens can hold. The guard runs before them and empties such a document,
 * so that only the rule above reports it.
 */
function createShapeGuard(maxAliases: number, onExpensive: OnExpensive): ApolloServerPlugin {
  return {
    requestDidStart: async () => ({
      async validationDidStart({ document }) {
        const problem = findExpensiveShape(document, maxAliases);
        if (problem === undefined) return;
        onExpensive(document, problem);
        (document.definitions as DefinitionNode[]).length = 0;
      },
    }),
  };
}

function findExpensiveShape(document: DocumentNode, maxAliases: number): string | undefined {
  const spreads = document.loc?.source.body.match(/\.\.\./g)?.length ?? 0;
  if (spreads > maxSpreads) return `Spreads limit of ${maxSpreads} exceeded, found ${spreads}.`;
  let repetition: string | undefined;
  let aliases = 0;
  let mostAliases = 0;
  const resetCount = () => {
    aliases = 0;
  };
  visit(document, {
    OperationDefinition: resetCount,
    FragmentDefinition: resetCount,
    Field: ({ alias }) => {
      if (alias !== undefined) aliases += 1;
      mostAliases = Math.max(mostAliases, aliases);
    },
    SelectionSet: ({ selections }) => {
      if (selections.length <= maxRepeated || mostRepeated(selections) <= maxRepeated) return undefined;
      repetition = `Repetition limit of ${maxRepeated} exceeded for fields of one name.`;
      return BREAK;
    },
  });
  return mostAliases > maxAliases
    ? `Aliases limit of ${maxAliases} exceeded, found ${mostAliases}.`
    : repetition;
}

function mostRepeated(selections: readonly SelectionNode[]): number {
  const counts = new Map<string, number>();
  for (const selection of selections) {
    if (selection.kind !== Kind.FIELD) continue;
    const name = (selection.alias ?? selection.name).value;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
