import { GraphQLDateTime } from 'graphql-scalars';
import { AppError } from '../errors.ts';
import { toTotalKey } from '../totals/total.ts';
import type { Resolvers } from './__generated__/resolvers.ts';
import { canonicalUuid, parseUuid } from './scalars.ts';

export const resolvers: Resolvers = {
  UUID: canonicalUuid,
  DateTime: GraphQLDateTime,
  Query: {
    customerEntitlementTotal: (_, args, { totals }) => totals.load(toTotalKey(args)),
    customerEntitlementTotals: (_, { requests }, { totals }) =>
      // Each in an async function of its own, so that one refused request fails alone.
      requests.map(async (request) => totals.load(toTotalKey(request))),
  },
  CustomerEntitlementTotal: {
    entitlement: ({ entitlementId }) => ({ id: entitlementId }),
    customer: ({ customerId }) => ({ id: customerId }),
  },
  Customer: {
    __resolveReference: toEntity,
    entitlementTotal: ({ id: customerId }, args, { totals }) =>
      totals.load(toTotalKey({ ...args, customerId })),
    entitlementTotals: ({ id: customerId }, { entitlementIds, ...window }, { totals }) =>
      entitlementIds.map(async (entitlementId) =>
        totals.load(toTotalKey({ ...window, entitlementId, customerId })),
      ),
  },
  Entitlement: {
    __resolveReference: toEntity,
    customerTotal: ({ id: entitlementId }, args, { totals }) =>
      totals.load(toTotalKey({ ...args, entitlementId })),
  },
};

/** A router's representation reaches us unchecked. Async, so that a malformed one fails at its own index. */
async function toEntity({ id }: { id: unknown }): Promise<{ id: string }> {
  try {
    return { id: parseUuid(id) };
  } catch {
    throw new AppError('BAD_USER_INPUT', 'The id of this representation is no UUID.');
  }
}
