import type { ApolloServerPlugin } from '@apollo/server';
import type { Context } from './context.ts';
import { parseUuid } from './scalars.ts';

/**
 * Tells a router under which tags to keep an answer, so that whoever purges a customer here can purge it there, too:
 * `apolloEntityCacheTags` for each entity in its place, `apolloCacheTags` for other answers.
 */
export function createCacheTags(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async willSendResponse({ contextValue, request, response }) {
        if (response.body.kind !== 'single' || !response.body.singleResult.data) return;
        const customers = [...contextValue.tally.customerIds].map(toCustomerTag);
        // The one variable under which routers send what they want to know of entities.
        const representations = request.variables?.representations;
        response.body.singleResult.extensions = Array.isArray(representations)
          ? { apolloEntityCacheTags: representations.map((entity) => tagsOf(entity, customers)) }
          : { apolloCacheTags: customers };
      },
    }),
  };
}

/** The totals of an entitlement may be of any customer in the answer, those of a customer are its own. */
function tagsOf(entity: unknown, customers: readonly string[]): readonly string[] {
  const { __typename: type, id } = (entity ?? {}) as { __typename?: unknown; id?: unknown };
  try {
    return type === 'Customer' ? [toCustomerTag(parseUuid(id))] : customers;
  } catch {
    return [];
  }
}

function toCustomerTag(id: string): string {
  return `customer-${id}`;
}
