import { GraphQLDateTime } from 'graphql-scalars';
import { type Total, toTotalKey } from '../totals/total.ts';
import type { Resolvers } from './__generated__/resolvers.ts';
import { canonicalUuid } from './scalars.ts';

export const resolvers: Resolvers = {
  UUID: canonicalUuid,
  DateTime: GraphQLDateTime,
  Query: {
    customerEntitlementTotal: (_, args, { totals }) => totals.load(toTotalKey(args)),
    customerEntitlementTotals: (_, { requests }, { totals }) =>
      requests.map((request) => alone(() => totals.load(toTotalKey(request)))),
  },
  CustomerEntitlementTotal: {
    asOf: ({ asOfMs }) => new Date(asOfMs),
    entitlement: ({ entitlementId }) => ({ id: entitlementId }),
    customer: ({ customerId }) => ({ id: customerId }),
  },
  Customer: {
    entitlementTotal: ({ id: customerId }, args, { totals }) =>
      totals.load(toTotalKey({ ...args, customerId })),
    entitlementTotals: ({ id: customerId }, { entitlementIds, ...window }, { totals }) =>
      entitlementIds.map((entitlementId) =>
        alone(() => totals.load(toTotalKey({ ...window, entitlementId, customerId }))),
      ),
  },
  Entitlement: {
    customerTotal: ({ id: entitlementId }, args, { totals }) =>
      totals.load(toTotalKey({ ...args, entitlementId })),
  },
};

/**
 * One of a list, that fails alone. Its error is given rather than thrown: compiled code loses count of a list in which a
 * promise rejects, and graphql-js takes either.
 */
function alone(load: () => Total | Promise<Total>): Total | Promise<Total> {
  try {
    const total = load();
    return total instanceof Promise ? total.catch(given) : total;
  } catch (error) {
    return given(error);
  }
}

function given(error: unknown): Total {
  return error as Total;
}
