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

/** More than any honest document has; each costs work before anything is executed. */
const maxDirectives = 50;
const maxSpreads = 200;
const maxRepeated = 20;

/** Left to themselves the rules throw, which Apollo Server takes for a fault of its own. */
const reporting = {
  onReject: [(context: ValidationContext | null, error: GraphQLError) => context?.reportError(error)],
  propagateOnRejection: false,
};

type DocumentLimits = { rules: ValidationRule[]; knotCutter: ApolloServerPlugin };

/** Refuses documents whose shape costs more than any honest question is worth, before they are executed. */
export function createDocumentLimits({ GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES }: Config): DocumentLimits {
  /** What is wrong with documents that were cut. */
  const knots = new WeakMap<DocumentNode, string>();

  function refuseKnots(context: ValidationContext) {
    const knot = knots.get(context.getDocument());
    if (knot !== undefined) context.reportError(new GraphQLError(knot));
    return {};
  }

  const rules = [
    refuseKnots,
    maxDepthRule({ n: GRAPHQL_MAX_DEPTH, ...reporting }),
    maxAliasesRule({ n: GRAPHQL_MAX_ALIASES, allowList: [], ...reporting }),
    maxDirectivesRule({ n: maxDirectives, ...reporting }),
  ] as ValidationRule[];
  return {
    rules,
    knotCutter: createKnotCutter(GRAPHQL_MAX_ALIASES, (document, knot) => knots.set(document, knot)),
  };
}

type OnCut = (document: DocumentNode, knot: string) => void;

/**
 * Keeps the rules of GraphQL itself, which run before all others, from comparing hundreds of fragments, or of fields of one
 * name, with each other, and from looking at a thousand aliases one after the other: that took up to 100 ms and more for what
 * 4,000 tokens can hold. Such a document has nothing left to look at, and is refused by a rule of ours.
 */
function createKnotCutter(maxAliases: number, onCut: OnCut): ApolloServerPlugin {
  return {
    requestDidStart: async () => ({
      async validationDidStart({ document }) {
        const knot = findKnot(document, maxAliases);
        if (knot === undefined) return;
        onCut(document, knot);
        (document.definitions as DefinitionNode[]).length = 0;
      },
    }),
  };
}

function findKnot(document: DocumentNode, maxAliases: number): string | undefined {
  const spreads = document.loc?.source.body.match(/\.\.\./g)?.length ?? 0;
  if (spreads > maxSpreads) return `Spreads limit of ${maxSpreads} exceeded, found ${spreads}.`;
  let knot: string | undefined;
  let aliases = 0;
  let mostAliases = 0;
  const countAnew = () => {
    aliases = 0;
  };
  visit(document, {
    OperationDefinition: countAnew,
    FragmentDefinition: countAnew,
    Field: ({ alias }) => {
      if (alias !== undefined) aliases += 1;
      mostAliases = Math.max(mostAliases, aliases);
    },
    SelectionSet: ({ selections }) => {
      if (selections.length <= maxRepeated || mostRepeated(selections) <= maxRepeated) return undefined;
      knot = `Repetition limit of ${maxRepeated} exceeded for fields of one name.`;
      return BREAK;
    },
  });
  return mostAliases > maxAliases ? `Aliases limit of ${maxAliases} exceeded, found ${mostAliases}.` : knot;
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
