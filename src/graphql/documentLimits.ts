import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import type { GraphQLError, ValidationContext, ValidationRule } from 'graphql';
import type { Config } from '../config.ts';

/** More than any honest document has; each costs work before anything is executed. */
const maxDirectives = 50;

/** Left to themselves the rules throw, which Apollo Server takes for a fault of its own. */
const reporting = {
  onReject: [(context: ValidationContext | null, error: GraphQLError) => context?.reportError(error)],
  propagateOnRejection: false,
};

/** Refuses documents whose shape costs more than any honest question is worth, before they are executed. */
export function createDocumentLimits({ GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES }: Config): ValidationRule[] {
  return [
    maxDepthRule({ n: GRAPHQL_MAX_DEPTH, ...reporting }),
    maxAliasesRule({ n: GRAPHQL_MAX_ALIASES, ...reporting }),
    maxDirectivesRule({ n: maxDirectives, ...reporting }),
  ] as ValidationRule[];
}
