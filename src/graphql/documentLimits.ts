import type { ApolloServerPlugin } from '@apollo/server';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { Config } from '../config.ts';

/** More than any honest document has; each costs work before anything is executed. */
const maxDirectives = 50;
const maxSpreads = 200;

/** Left to themselves the rules throw, which Apollo Server takes for a fault of its own. */
const reporting = {
  onReject: [(context: ValidationContext | null, error: GraphQLError) => context?.reportError(error)],
  propagateOnRejection: false,
};

/** Refuses documents whose shape costs more than any honest question is worth, before they are executed. */
export function createDocumentLimits({ GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES }: Config): ValidationRule[] {
  return [
    refuseKnots,
    maxDepthRule({ n: GRAPHQL_MAX_DEPTH, ...reporting }),
    maxAliasesRule({ n: GRAPHQL_MAX_ALIASES, allowList: [], ...reporting }),
    maxDirectivesRule({ n: maxDirectives, ...reporting }),
  ] as ValidationRule[];
}

/**
 * Keeps the rules of GraphQL itself, which run before all others, from comparing hundreds of fragments with each other:
 * that took 100 ms for what 4,000 tokens can hold. Such a document has nothing left to compare, and is refused by the
 * rule below.
 */
export function createKnotCutter(): ApolloServerPlugin {
  return {
    requestDidStart: async () => ({
      async validationDidStart({ document }) {
        if (countSpreads(document) > maxSpreads) (document.definitions as DefinitionNode[]).length = 0;
      },
    }),
  };
}

function refuseKnots(context: ValidationContext) {
  const spreads = countSpreads(context.getDocument());
  if (spreads > maxSpreads)
    context.reportError(new GraphQLError(`Spreads limit of ${maxSpreads} exceeded, found ${spreads}.`));
  return {};
}

/** In the text, so that it is still there to count when the document is cut. */
function countSpreads({ loc }: DocumentNode): number {
  return loc?.source.body.match(/\.\.\./g)?.length ?? 0;
}
