import type { Total } from './total.ts';

/** Where a total came from. `stale`: kept, and older than fresh. `inflight`: a call that another request had begun. */
export type Source = 'memory' | 'redis' | 'upstream' | 'inflight' | 'stale' | 'failed';

/** What the totals of one request amount to, for its cache-control and its log line. */
export type LoadStats = {
  upstreamCalls: number;
  sources: Partial<Record<Source, number>>;
  totals: Total[];
  /** Of the oldest total; infinite while there is none. */
  oldestAsOfMs: number;
  /** Whether any of them is being looked at again, because it is stale or may have been purged unheard. */
  isRevalidating: boolean;
};

export function createLoadStats(): LoadStats {
  return {
    upstreamCalls: 0,
    sources: {},
    totals: [],
    oldestAsOfMs: Number.POSITIVE_INFINITY,
    isRevalidating: false,
  };
}

/** Counts one total in. */
export function countTotal(stats: LoadStats, source: Source, total: Total): void {
  recordSource(stats, source);
  stats.totals.push(total);
  stats.oldestAsOfMs = Math.min(stats.oldestAsOfMs, total.asOfMs);
}

/** Counts one total that could not be had. */
export function countFailure(stats: LoadStats): void {
  recordSource(stats, 'failed');
}

function recordSource({ sources }: LoadStats, source: Source): void {
  sources[source] = (sources[source] ?? 0) + 1;
}
