import { Agent } from 'node:http';
import DataLoader from 'dataloader';
import got from 'got';

// What a team writes by hand: a DataLoader for each request before a cache for all of them, and got.
export const typeDefs = `
  type Query {
    customerEntitlementTotal(entitlementId: ID!, customerId: ID!): CustomerEntitlementTotal
  }
  type CustomerEntitlementTotal { entitlementId: ID! customerId: ID! quantity: Float }
  type Customer @key(fields: "id") {
    id: ID!
    entitlementTotal(entitlementId: ID!): CustomerEntitlementTotal
  }
`;

type Total = { entitlementId: string; customerId: string; quantity: number | null };
type Key = { entitlementId: string; customerId: string };

const { UPSTREAM = '' } = process.env;
const client = got.extend({
  agent: { http: new Agent({ keepAlive: true, maxSockets: 64 }) },
  headers: { 'x-api-key': 'k', organisation: 'o' },
  retry: { limit: 0 },
});
const maxAgeMs = 30_000;
const maxEntries = 100_000;
const cache = new Map<string, { total: Total; untilMs: number }>();

async function loadTotal(key: Key): Promise<Total> {
  const name = `${key.entitlementId}/${key.customerId}`;
  const kept = cache.get(name);
  if (kept !== undefined && kept.untilMs > Date.now()) return kept.total;
  const url = `${UPSTREAM}/entitlements/${key.entitlementId}/customer/${key.customerId}/total`;
  const { quantity } = await client(url).json<{ quantity: number | null }>();
  const total = { ...key, quantity };
  cache.set(name, { total, untilMs: Date.now() + maxAgeMs });
  const [oldest] = cache.keys();
  if (cache.size > maxEntries && oldest !== undefined) cache.delete(oldest);
  return total;
}

export type Context = { totals: DataLoader<Key, Total, string> };

export function createContext(): Context {
  const cacheKeyFn = ({ entitlementId, customerId }: Key) => `${entitlementId}/${customerId}`;
  return { totals: new DataLoader(async (keys) => Promise.all(keys.map(loadTotal)), { cacheKeyFn }) };
}

export const resolvers = {
  Query: {
    customerEntitlementTotal: (_: unknown, key: Key, { totals }: Context) => totals.load({ ...key }),
  },
  Customer: {
    __resolveReference: ({ id }: { id: string }) => ({ id }),
    entitlementTotal: (
      { id }: { id: string },
      { entitlementId }: { entitlementId: string },
      { totals }: Context,
    ) => totals.load({ entitlementId, customerId: id }),
  },
};
