import { type ASTNode, GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { GraphQLDateTime, GraphQLUUID } from 'graphql-scalars';
import { toUuid } from '../text.ts';
import type { Total } from '../totals/total.ts';
import type { Resolvers } from './__generated__/resolvers.ts';

const uuid = GraphQLUUID.toConfig();
const canonicalPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Ids are compared and joined as text, so each has one spelling. Reads a UUID in any spelling, or throws. */
export function parseUuid(value: unknown): string {
  // graphql-scalars would print any other value into its message, stack included.
  if (typeof value !== 'string') throw new GraphQLError('Expected a UUID as a string.');
  return canonicalPattern.test(value) ? value : (toUuid(value) ?? reject(() => uuid.parseValue(value)));
}

/** Throws the error of graphql-scalars, or one of its own: graphql-scalars accepts some texts that are no UUID, such as `{{…}`. */
function reject(parse: () => unknown, nodes: readonly ASTNode[] = []): never {
  parse();
  throw new GraphQLError('Value is not a valid UUID.', { nodes });
}

/** graphql-scalars' UUID with canonical input. */
export const canonicalUuid = new GraphQLScalarType<string, string>({
  ...uuid,
  parseValue: parseUuid,
  parseLiteral: (node, variables) =>
    (node.kind === Kind.STRING ? toUuid(node.value) : undefined) ??
    reject(() => uuid.parseLiteral(node, variables), [node]),
});

export const resolvers: Resolvers = {
  UUID: canonicalUuid,
  DateTime: GraphQLDateTime,
  Query: {
    customerEntitlementTotal: (_, args, { totals }) => totals.load(args),
    customerEntitlementTotals: (_, { requests }, { totals }) =>
      requests.map((request) => catchToValue(() => totals.load(request))),
  },
  CustomerEntitlementTotal: {
    asOf: ({ asOfMs }) => new Date(asOfMs),
    entitlement: ({ entitlementId }) => ({ id: entitlementId }),
    customer: ({ customerId }) => ({ id: customerId }),
  },
  Customer: {
    entitlementTotal: ({ id: customerId }, args, { totals }) => totals.load({ ...args, customerId }),
    entitlementTotals: ({ id: customerId }, { entitlementIds, ...window }, { totals }) =>
      entitlementIds.map((entitlementId) =>
        catchToValue(() => totals.load({ ...window, entitlementId, customerId })),
      ),
  },
  Entitlement: {
    customerTotal: ({ id: entitlementId }, args, { totals }) => totals.load({ ...args, entitlementId }),
  },
};

/**
 * Loads one total of a list. Its error becomes the value of its place: graphql-js accepts an error as a value, and graphql-jit
 * miscounts a list in which a promise rejects.
 */
function catchToValue(load: () => Total | Promise<Total>): Total | Promise<Total> {
  try {
    const total = load();
    return total instanceof Promise ? total.catch(asResolverValue) : total;
  } catch (error) {
    return asResolverValue(error);
  }
}

function asResolverValue(error: unknown): Total {
  return error as Total;
}
