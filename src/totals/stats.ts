import type { Total } from './total.ts';

/** Where a total came from. `stale`: cached, and no longer fresh. `inflight`: a call that another request had started. */
export type Source = 'memory' | 'redis' | 'upstream' | 'inflight' | 'stale' | 'failed';

/** The totals of one request, for its cache-control and its log line. */
export type LoadStats = {
  /** Attempts that have ended. */
  upstreamCalls: number;
  sources: Partial<Record<Source, number>>;
  totals: Total[];
  /** Of the oldest total; infinite without totals. */
  oldestAsOfMs: number;
  /** Whether any of them is being refreshed, because it is stale or its purge may have been missed. */
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

export function countTotal(stats: LoadStats, source: Source, total: Total): void {
  countSource(stats, source);
  stats.totals.push(total);
  stats.oldestAsOfMs = Math.min(stats.oldestAsOfMs, total.asOfMs);
}

export function countFailure(stats: LoadStats): void {
  countSource(stats, 'failed');
}

function countSource({ sources }: LoadStats, source: Source): void {
  sources[source] = (sources[source] ?? 0) + 1;
}
