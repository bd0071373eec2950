import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type ValidationContext,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Limits } from '../config/config.ts';
import { type DocumentShape, measureShape } from './documentShape.ts';

/** Far more than real documents have. Each costs work before anything is executed. */
const maxDirectives = 50;
const maxSpreads = 200;
const maxRepeated = 20;
/** A text has fewer selections than tokens; fragments that are spread several times add to them. */
const selectionsPerToken = 5;

export type DocumentLimits = {
  /** Reports the documents that the guard emptied. */
  rule: ValidationRule;
  shapeGuard: ApolloServerPlugin;
  /** Parses and validates a document as Apollo Server does for requests. Throws a sentence about each problem. */
  parseValid: (text: string, schema: GraphQLSchema) => DocumentNode;
};

/** graphql-js calls a document with too many tokens a syntax error. */
export function nameTokensLimit(message: string): string {
  return message.replace(
    /^Syntax Error: Document contains more tha\w (\d+) tokens\..*$/,
    'Tokens limit of $1 exceeded.',
  );
}

/**
 * Rejects documents whose shape is expensive. GraphQL's own rules run before all others. They compare fragments and fields of one
 * name pairwise, and visit each of a thousand aliases, which took more than 100 ms for what 4,000 tokens can hold. The guard runs
 * before them and empties such a document, so that only this rule reports it.
 */
export function createDocumentLimits(settings: Limits): DocumentLimits {
  const problems = new WeakMap<DocumentNode, string>();

  function rule(context: ValidationContext) {
    const problem = problems.get(context.getDocument());
    if (problem !== undefined) context.reportError(new GraphQLError(problem));
    return {};
  }

  const shapeGuard: ApolloServerPlugin = {
    requestDidStart: async () => ({
      async validationDidStart({ document }) {
        const problem = findProblem(measureShape(document, maxSpreads), settings);
        if (problem === undefined) return;
        problems.set(document, problem);
        (document.definitions as DefinitionNode[]).length = 0;
      },
    }),
  };

  function parseValid(text: string, schema: GraphQLSchema): DocumentNode {
    const document = parse(text, { maxTokens: settings.GRAPHQL_MAX_TOKENS });
    const problem = findProblem(measureShape(document, maxSpreads), settings);
    if (problem !== undefined) throw new GraphQLError(problem);
    const introspectionRules = settings.GRAPHQL_INTROSPECTION ? [] : [NoSchemaIntrospectionCustomRule];
    const errors = validate(schema, document, [...specifiedRules, ...introspectionRules]);
    if (errors.length > 0) throw new GraphQLError(errors.map(({ message }) => message).join(' '));
    return document;
  }
  return { rule, shapeGuard, parseValid };
}

/** The first limit that the document exceeds; undefined within the limits. */
function findProblem(shape: DocumentShape, settings: Limits): string | undefined {
  const { GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES, GRAPHQL_MAX_TOKENS } = settings;
  const limits: readonly [name: string, limit: number, found: number][] = [
    ['Spreads', maxSpreads, shape.spreads],
    ['Aliases', GRAPHQL_MAX_ALIASES, shape.aliases],
    ['Directives', maxDirectives, shape.directives],
    ['Repetition', maxRepeated, shape.repeated],
    ['Depth', GRAPHQL_MAX_DEPTH, shape.depth],
    ['Selections', GRAPHQL_MAX_TOKENS * selectionsPerToken, shape.selections],
  ];
  const exceeded = limits.find(([, limit, found]) => found > limit);
  if (exceeded === undefined) return undefined;
  const [name, limit, found] = exceeded;
  return `${name} limit of ${limit} exceeded, found ${found}.`;
}
