/** Where a total came from. `stale`: kept, and older than fresh. `inflight`: a call that another request had begun. */
export type Source = 'memory' | 'redis' | 'upstream' | 'inflight' | 'stale' | 'failed';

/** What the totals of one request amount to, for its cache-control and its log line. */
export type Tally = {
  upstreamCalls: number;
  sources: Partial<Record<Source, number>>;
  /** Of the oldest total; infinite while there is none. */
  oldestAsOfMs: number;
};

export function createTally(): Tally {
  return { upstreamCalls: 0, sources: {}, oldestAsOfMs: Number.POSITIVE_INFINITY };
}

/** Counts one total in. */
export function recordTotal(tally: Tally, source: Source, asOfMs = Number.POSITIVE_INFINITY): void {
  tally.sources[source] = (tally.sources[source] ?? 0) + 1;
  tally.oldestAsOfMs = Math.min(tally.oldestAsOfMs, asOfMs);
}
