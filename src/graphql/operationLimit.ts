import type { ApolloServerPlugin } from '@apollo/server';
import { type FragmentDefinitionNode, GraphQLError, Kind } from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from './context.ts';
import { countTotals } from './countTotals.ts';

/** Refuses an operation that asks for more totals than allowed, before any of them is loaded. */
export function createOperationLimit(maxTotals: number): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async didResolveOperation({ operation, document, request }) {
        const fragments = new Map(
          document.definitions
            .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
            .map((node) => [node.name.value, node]),
        );
        if (operation === undefined) return;
        const count = countTotals({ operation, fragments, variables: request.variables ?? {} }, maxTotals);
        if (count > maxTotals) throw tooManyTotals(maxTotals);
      },
    }),
  };
}

function tooManyTotals(maxTotals: number): GraphQLError {
  const message = `The operation asks for more than ${maxTotals} totals.`;
  return new GraphQLError(message, {
    originalError: new AppError('BAD_USER_INPUT', message),
    // The operation is well formed, and routers lose the reason of a 4xx.
    extensions: { http: { status: 200 } },
  });
}
