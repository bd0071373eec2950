import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from './context.ts';
import { parseUuid } from './scalars.ts';

/**
 * Tells a router under which tags to keep an answer, so that whoever purges a customer here can purge it there, too:
 * `apolloEntityCacheTags` for each entity in its place, `apolloCacheTags` for other answers.
 */
export function createCacheTags(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async willSendResponse({ contextValue, operation, request, response }) {
        if (response.body.kind !== 'single' || !response.body.singleResult.data) return;
        const customerIds = new Set(contextValue.tally.totals.map(({ customerId }) => customerId));
        const representations = request.variables?.representations;
        response.body.singleResult.extensions =
          asksForEntities(operation) && Array.isArray(representations)
            ? { apolloEntityCacheTags: tagEntities(representations, customerIds) }
            : { apolloCacheTags: [...customerIds].map(toTag) };
      },
    }),
  };
}

function asksForEntities(operation: OperationDefinitionNode | undefined): boolean {
  const fields = operation?.selectionSet.selections ?? [];
  return fields.some((field) => field.kind === Kind.FIELD && field.name.value === '_entities');
}

/**
 * An entity's answer may hold totals of its own customer, and through it of any that no other entity stands for.
 * Rather a tag too many: it costs a fetch, where one too few leaves a purged number.
 */
function tagEntities(representations: readonly unknown[], customerIds: ReadonlySet<string>): string[][] {
  const own = representations.map(customerOf);
  const named = new Set(own);
  const others = [...customerIds].filter((id) => !named.has(id));
  return representations.map((_, n) => {
    const id = own[n];
    return (id === undefined ? [...customerIds] : [id, ...others]).map(toTag);
  });
}

function customerOf(representation: unknown): string | undefined {
  const { __typename, id } = (representation ?? {}) as { __typename?: unknown; id?: unknown };
  try {
    return __typename === 'Customer' ? parseUuid(id) : undefined;
  } catch {
    return undefined;
  }
}

function toTag(customerId: string): string {
  return `customer-${customerId}`;
}
