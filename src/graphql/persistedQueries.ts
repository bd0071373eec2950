import { LRUCache } from 'lru-cache';
import type { Redis } from '../redis/redis.ts';

/** Characters of all texts together in this process. */
const maxLength = 5_000_000;
const lifetimeMs = 86_400_000;
/** Apollo Server prefixes what the client sent, which need not be a hash. */
const isHash = /^apq:[0-9a-f]{64}$/;
const prefix = 'zenskar-gateway:1:query:';

/** Texts of operations by hash, in the form that Apollo Server asks for. */
export type PersistedQueries = {
  get: (hash: string) => Promise<string | undefined>;
  set: (hash: string, text: string) => Promise<void>;
  delete: (hash: string) => Promise<void>;
};

/** Automatic persisted queries: clients register a text by sending it with its hash. Shared between replicas through Redis. */
export function createPersistedQueries(redis: Redis | undefined): PersistedQueries {
  const memory = new LRUCache<string, string>({ maxSize: maxLength, sizeCalculation: (text) => text.length });

  async function get(hash: string): Promise<string | undefined> {
    if (!isHash.test(hash)) return undefined;
    const known = memory.get(hash);
    if (known !== undefined || redis === undefined) return known;
    const shared = (await redis.get(prefix + hash)) ?? undefined;
    if (shared !== undefined) memory.set(hash, shared);
    return shared;
  }

  async function set(hash: string, text: string): Promise<void> {
    memory.set(hash, text);
    await redis?.set(prefix + hash, text, lifetimeMs);
  }
  return { get, set, delete: async (hash) => void memory.delete(hash) };
}
