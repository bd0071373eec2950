import { GraphQLDateTime } from 'graphql-scalars';
import { AppError } from '../errors.ts';
import { type Total, toTotalKey } from '../totals/total.ts';
import type { Resolvers } from './__generated__/resolvers.ts';
import { canonicalUuid, parseUuid } from './scalars.ts';

export const resolvers: Resolvers = {
  UUID: canonicalUuid,
  DateTime: GraphQLDateTime,
  Query: {
    customerEntitlementTotal: (_, args, { totals }) => totals.load(toTotalKey(args)),
    customerEntitlementTotals: (_, { requests }, { totals }) =>
      requests.map((request) => alone(() => totals.load(toTotalKey(request)))),
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
      entitlementIds.map((entitlementId) =>
        alone(() => totals.load(toTotalKey({ ...window, entitlementId, customerId }))),
      ),
  },
  Entitlement: {
    __resolveReference: toEntity,
    customerTotal: ({ id: entitlementId }, args, { totals }) =>
      totals.load(toTotalKey({ ...args, entitlementId })),
  },
};

/** One of a list, that fails alone. An async function would do the same, for a promise also where none is needed. */
function alone(load: () => Total | Promise<Total>): Total | Promise<Total> {
  try {
    return load();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A router's representation reaches us unchecked. Async, so that a malformed one fails at its own index. */
async function toEntity({ id }: { id: unknown }): Promise<{ id: string }> {
  try {
    return { id: parseUuid(id) };
  } catch {
    throw new AppError('BAD_USER_INPUT', 'The id of this representation is no UUID.');
  }
}
