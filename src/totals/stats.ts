import type { Total } from './total.ts';

/** Where a total came from. `stale`: cached, and no longer fresh. `inflight`: a call that another request had started. */
export type Source = 'memory' | 'redis' | 'upstream' | 'inflight' | 'stale' | 'failed';

/** The totals of one request, for its cache-control and its log line. */
export type LoadStats = {
  /** Attempts that have ended. */
  upstreamCalls: number;
  /** The longest wait of a total for the upstream, queue and retries included; undefined if none waited. */
  upstreamMs: number | undefined;
  sources: Partial<Record<Source, number>>;
  totals: Total[];
  /** When the oldest total was received; infinite without totals. */
  oldestReceivedAtMs: number;
  /** Whether any of them is being refreshed, because it is stale or its purge may have been missed. */
  isRevalidating: boolean;
};

export function createLoadStats(): LoadStats {
  return {
    upstreamCalls: 0,
    upstreamMs: undefined,
    sources: {},
    totals: [],
    oldestReceivedAtMs: Number.POSITIVE_INFINITY,
    isRevalidating: false,
  };
}

export function countTotal(stats: LoadStats, source: Source, total: Total): void {
  countSource(stats, source);
  stats.totals.push(total);
  stats.oldestReceivedAtMs = Math.min(stats.oldestReceivedAtMs, total.receivedAtMs);
}

export function countFailure(stats: LoadStats): void {
  countSource(stats, 'failed');
}

export function countWait(stats: LoadStats, durationMs: number): void {
  stats.upstreamMs = Math.max(stats.upstreamMs ?? 0, durationMs);
}

function countSource({ sources }: LoadStats, source: Source): void {
  sources[source] = (sources[source] ?? 0) + 1;
}
