import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { GraphQLResponse } from '../../src/graphql/server.ts';
import { createResponseCache, type ResponseCache } from '../../src/responseCache.ts';

type Key = Parameters<ResponseCache['get']>[0];

const toKey = (varyKey: string, text: string): Key => ({ varyKey, rawBody: { text, checksum: crc32(text) } });

function responseWith(body: string, totals = 1): GraphQLResponse {
  return {
    status: 200,
    headers: [],
    body,
    report: {
      operationName: null,
      operationType: 'query',
      claimedName: undefined,
      outcome: 'ok',
      codes: [],
      upstreamCalls: 0,
      upstreamMs: undefined,
      totals: { memory: totals },
      execution: 'compiled',
    },
    cost: 1,
    cachePolicy: { expiresAtMs: 1000, isPurged: () => false },
    retryAfterSeconds: undefined,
  };
}

/** Makes each request once; returns how many missed and were stored. */
function countMisses(cache: ResponseCache, keys: readonly Key[], response: GraphQLResponse): number {
  const missed = keys.filter((key) => {
    if (cache.get(key) !== undefined) return false;
    cache.set(key, response);
    return true;
  });
  return missed.length;
}

describe('the response cache', () => {
  it('stores a large response at its second request and is bounded by bytes', () => {
    const cache = createResponseCache(() => 0);
    const response = responseWith('x'.repeat(1_000_000));
    const keys = Array.from({ length: 50 }, (_, n) => toKey('a', String(n)));
    expect(countMisses(cache, keys, response)).toBe(50);
    expect(countMisses(cache, keys, response)).toBe(50);
    expect(countMisses(cache, keys.toReversed(), response)).toBe(50 - 16);
  });

  it('stores nothing under a key that V8 would hash by its length alone', () => {
    const cache = createResponseCache(() => 0);
    const key = toKey('x'.repeat(16_001), '');
    expect(countMisses(cache, [key, key], responseWith(''))).toBe(2);
  });

  it('never answers a request with the response to another body of the same checksum', () => {
    const cache = createResponseCache(() => 0);
    const first = toKey('a', 'plumless');
    const second = toKey('a', 'buckeroo');
    expect(first.rawBody.checksum).toBe(second.rawBody.checksum);
    expect(countMisses(cache, [first, first, second, first], responseWith(''))).toBe(3);
  });

  it('misses a response that has expired or was purged', () => {
    let nowMs = 0;
    let isPurged = false;
    const cache = createResponseCache(() => nowMs);
    const key = toKey('a', '{}');
    const response = { ...responseWith('{}'), cachePolicy: { expiresAtMs: 10, isPurged: () => isPurged } };
    cache.set(key, response);
    expect(cache.get(key)).toBe(response);
    nowMs = 10;
    expect(cache.get(key)).toBeUndefined();
    nowMs = 0;
    cache.set(key, response);
    isPurged = true;
    expect(cache.get(key)).toBeUndefined();
  });

  it('stores nothing without a cache policy', () => {
    const cache = createResponseCache(() => 0);
    const key = toKey('a', '{}');
    cache.set(key, { ...responseWith('{}'), cachePolicy: undefined });
    expect(cache.get(key)).toBeUndefined();
  });

  /** Requests `count` large responses in turn, `times` times. Returns the number of misses of each round. */
  function requestInTurn(count: number, times: number): number[] {
    const cache = createResponseCache(() => 0);
    const keys = Array.from({ length: count }, (_, n) => toKey('a', String(n).padStart(7, '0').repeat(600)));
    return Array.from({ length: times }, () => countMisses(cache, keys, responseWith('b'.repeat(2000), 50)));
  }

  it('hits from the third round on when hundreds of large responses are requested in turn', () => {
    expect(requestInTurn(500, 3)).toEqual([500, 500, 0]);
  });

  it('stores no large responses that would be evicted before their next request', () => {
    expect(requestInTurn(1500, 3)).toEqual([1500, 1500, 1500]);
  });
});
