import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { type FragmentDefinitionNode, GraphQLError, Kind } from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from './context.ts';
import { countTotals } from './countTotals.ts';

/**
 * Refuses an operation that asks for more totals than allowed, before any of them is loaded, and charges its caller for
 * the others. The first was charged when the request came in.
 */
export function createOperationLimit(maxTotals: number): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async didResolveOperation({ operation, document, request, contextValue }) {
        const fragments = new Map(
          document.definitions
            .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
            .map((node) => [node.name.value, node]),
        );
        if (operation === undefined) return;
        const count = countTotals({ operation, fragments, variables: request.variables ?? {} }, maxTotals);
        if (count > maxTotals) throw toRefusal(tooManyTotals(maxTotals));
        contextValue.outcome.units = Math.max(1, count);
        if (count > 1) await contextValue.charge?.(count - 1).catch(rethrow);
      },
    }),
  };
}

function tooManyTotals(maxTotals: number): AppError {
  return new AppError('BAD_USER_INPUT', `The operation asks for more than ${maxTotals} totals.`);
}

function rethrow(error: unknown): never {
  throw error instanceof AppError ? toRefusal(error) : error;
}

/** The operation is well formed, and routers lose the reason of a 4xx. */
function toRefusal(error: AppError): GraphQLError {
  const { message, retryAfterSeconds } = error;
  const headers = new HeaderMap(
    retryAfterSeconds === undefined ? [] : [['retry-after', String(retryAfterSeconds)]],
  );
  return new GraphQLError(message, { originalError: error, extensions: { http: { status: 200, headers } } });
}
