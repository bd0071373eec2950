import { Agent } from 'node:http';
import DataLoader from 'dataloader';
import got from 'got';
import { LRUCache } from 'lru-cache';
import { telemetry } from './telemetry.ts';

// What a team writes by hand: one DataLoader per request, one cache for all requests, and got.
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

type Key = { entitlementId: string; customerId: string };
type Total = Key & { quantity: number | null };
export type Context = { totals: DataLoader<Key, Total, string> };

const { UPSTREAM = '', MAX_AGE_SECONDS = '30' } = process.env;
const client = got.extend({
  agent: { http: new Agent({ keepAlive: true, maxSockets: 64 }) },
  headers: { 'x-api-key': 'bench-api-key', organisation: 'bench-organisation' },
  timeout: { request: 5000 },
});
const cache = new LRUCache<string, Total>({ max: 100_000, ttl: Number(MAX_AGE_SECONDS) * 1000 });

const toCacheKey = ({ entitlementId, customerId }: Key) => `${entitlementId}/${customerId}`;

async function fetchTotal(key: Key): Promise<Total | Error> {
  const endTimer = telemetry?.startUpstreamTimer();
  try {
    const url = `${UPSTREAM}/entitlements/${key.entitlementId}/customer/${key.customerId}/total`;
    const { quantity } = await client(url).json<{ quantity: number | null }>();
    const total = { ...key, quantity };
    cache.set(toCacheKey(key), total);
    endTimer?.({ outcome: 'ok' });
    return total;
  } catch (error) {
    endTimer?.({ outcome: 'error' });
    return new Error('Zenskar could not be asked.', { cause: error });
  }
}

async function loadTotals(keys: readonly Key[]): Promise<(Total | Error)[]> {
  let misses = 0;
  const totals = keys.map((key) => {
    const cached = cache.get(toCacheKey(key));
    if (cached !== undefined) return cached;
    misses += 1;
    return fetchTotal(key);
  });
  telemetry?.countCacheReads(keys.length - misses, misses);
  return Promise.all(totals);
}

export function createContext(): Context {
  return { totals: new DataLoader(loadTotals, { cacheKeyFn: toCacheKey }) };
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
