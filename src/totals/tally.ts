import type { Total } from './total.ts';

/** Where a total came from. `stale`: kept, and older than fresh. `inflight`: a call that another request had begun. */
export type Source = 'memory' | 'redis' | 'upstream' | 'inflight' | 'stale' | 'failed';

/** What the totals of one request amount to, for its cache-control and its log line. */
export type Tally = {
  upstreamCalls: number;
  sources: Partial<Record<Source, number>>;
  totals: Total[];
  /** Of the oldest total; infinite while there is none. */
  oldestAsOfMs: number;
  /** Whether any of them is being looked at again, because it is stale or may have been purged unheard. */
  isDoubtful: boolean;
};

export function createTally(): Tally {
  return {
    upstreamCalls: 0,
    sources: {},
    totals: [],
    oldestAsOfMs: Number.POSITIVE_INFINITY,
    isDoubtful: false,
  };
}

/** Counts one total in. */
export function recordTotal(tally: Tally, source: Source, total: Total): void {
  recordSource(tally, source);
  tally.totals.push(total);
  tally.oldestAsOfMs = Math.min(tally.oldestAsOfMs, total.asOfMs);
}

/** Counts one total that could not be had. */
export function recordFailure(tally: Tally): void {
  recordSource(tally, 'failed');
}

function recordSource({ sources }: Tally, source: Source): void {
  sources[source] = (sources[source] ?? 0) + 1;
}
