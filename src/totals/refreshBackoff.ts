import { LRUCache } from 'lru-cache';
import { maxFailureBackoffMs, toFailureBackoffMs } from '../zenskar/retry.ts';
import type { TotalKey } from './total.ts';

/** Makes no calls for a cached total for a growing time after its refresh failed. */
export type RefreshBackoff = {
  /** False during the backoff; each such call is counted. */
  mayRefresh: (key: TotalKey) => boolean;
  recordFailure: (key: TotalKey) => void;
  /** The upstream answered for this total. */
  reset: (key: TotalKey) => void;
};

type RefreshBackoffSettings = {
  maxEntries: number;
  monotonic: () => number;
  /** A refresh is not made, because of the backoff. */
  onSkip: () => void;
};

export function createRefreshBackoff({
  maxEntries,
  monotonic,
  onSkip,
}: RefreshBackoffSettings): RefreshBackoff {
  type Backoff = { failures: number; endsAtMs: number };
  const backoffs = new LRUCache<string, Backoff>({ maxSize: maxEntries, sizeCalculation: () => 1 });

  function mayRefresh({ text }: TotalKey): boolean {
    const backoff = backoffs.get(text);
    if (backoff === undefined || backoff.endsAtMs <= monotonic()) return true;
    onSkip();
    return false;
  }

  function recordFailure({ text }: TotalKey): void {
    const previous = backoffs.get(text);
    // Failures of long ago do not count.
    const isRepeated = previous !== undefined && monotonic() - previous.endsAtMs < maxFailureBackoffMs;
    const failures = isRepeated ? previous.failures + 1 : 1;
    backoffs.set(text, { failures, endsAtMs: monotonic() + toFailureBackoffMs(failures, Math.random()) });
  }
  return { mayRefresh, recordFailure, reset: ({ text }) => void backoffs.delete(text) };
}
