import { LRUCache } from 'lru-cache';
import type { GraphQLResponse } from './graphql/server.ts';

/** The bytes of a request body as latin1, in which each byte is one character, and their CRC-32. */
type RawBody = { text: string; checksum: number };

/** `varyKey`: everything that the response depends on besides the body. */
type CacheKey = { varyKey: string; rawBody: RawBody };

type Entry = { rawBody: RawBody; response: GraphQLResponse };

export type ResponseCache = {
  /** The response to this request, while it is fresh and none of its totals was purged. */
  get: (key: CacheKey) => GraphQLResponse | undefined;
  /** Stores a response that may be reused. */
  set: (key: CacheKey, response: GraphQLResponse) => void;
};

/** In characters, which are bytes for all but a few. */
const maxSize = 16_777_216;
/** V8 hashes longer strings by their length alone, so that a caller could make all of its own collide. */
const maxKeyLength = 16_000;
/** Smaller responses are stored at their first request, larger ones at their second. */
const smallSize = 4096;
/** Of larger requests, how many are remembered. More would not fit: entries would be evicted before they are used. */
const maxSeen = 1000;
/** What an entry takes besides its texts, roughly. */
const entrySize = 500;
const totalSize = 100;

/** Stores whole responses by tenant, access, headers and the bytes of the body, for as long as the totals in them are fresh. */
export function createResponseCache(monotonic: () => number): ResponseCache {
  const entries = new LRUCache<string, Entry>({ maxSize });
  const seen = new LRUCache<number, true>({ max: maxSeen });

  function get(key: CacheKey): GraphQLResponse | undefined {
    const text = toText(key);
    const entry = entries.get(text);
    if (entry?.rawBody.text !== key.rawBody.text) return undefined;
    const { response } = entry;
    if (isFresh(response, monotonic())) return response;
    entries.delete(text);
    return undefined;
  }

  function isSeenBefore({ checksum }: RawBody): boolean {
    if (seen.get(checksum) !== undefined) return true;
    seen.set(checksum, true);
    return false;
  }

  function set(key: CacheKey, response: GraphQLResponse): void {
    const { rawBody } = key;
    const text = toText(key);
    if (response.cachePolicy === undefined || text.length > maxKeyLength) return;
    const lengths = text.length + rawBody.text.length + response.body.length;
    const size = lengths + entrySize + countTotals(response) * totalSize;
    if (size > smallSize && !isSeenBefore(rawBody)) return;
    entries.set(text, { rawBody, response }, { size });
  }
  return { get, set };
}

function isFresh({ cachePolicy }: GraphQLResponse, nowMs: number): boolean {
  return cachePolicy !== undefined && nowMs < cachePolicy.expiresAtMs && !cachePolicy.isPurged(nowMs);
}

function countTotals({ report }: GraphQLResponse): number {
  return Object.values(report?.totals ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Short, because V8 copies and hashes the whole key of each request that was never made before (docs/decisions/0010). */
function toText({ varyKey, rawBody }: CacheKey): string {
  return `${varyKey}\n${rawBody.checksum}`;
}
