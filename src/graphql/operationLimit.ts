import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from './context.ts';
import { countTotals, isCountFixed } from './countTotals.ts';

/**
 * Refuses an operation that asks for more totals than allowed, before any of them is loaded, and charges its caller for
 * the others. The first was charged when the request came in.
 */
export function createOperationLimit(maxTotals: number): ApolloServerPlugin<Context> {
  // Counting fifty aliases took a tenth of the time; where no variable has a say in it, once is enough.
  const fixed = new WeakMap<OperationDefinitionNode, number>();

  function count(operation: OperationDefinitionNode, { document, variables }: Counting): number {
    const known = fixed.get(operation);
    if (known !== undefined) return known;
    const fragments = fragmentsOf(document);
    const counted = countTotals({ operation, fragments, variables: variables ?? {} }, maxTotals);
    if (isCountFixed({ operation, fragments })) fixed.set(operation, counted);
    return counted;
  }

  return {
    requestDidStart: async () => ({
      async didResolveOperation({ operation, document, request: { variables }, contextValue }) {
        if (operation === undefined) return;
        const totals = count(operation, { document, variables });
        if (totals > maxTotals) throw toRefusal(tooManyTotals(maxTotals));
        contextValue.outcome.units = Math.max(1, totals);
        if (totals > 1) await contextValue.charge?.(totals - 1).catch(rethrow);
      },
    }),
  };
}

type Counting = { document: DocumentNode; variables: Record<string, unknown> | undefined };

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
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
