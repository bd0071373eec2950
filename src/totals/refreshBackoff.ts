import { LRUCache } from 'lru-cache';
import { maxRestMs, toRestMs } from '../zenskar/retry.ts';
import type { TotalKey } from './total.ts';

/** Leaves the upstream in peace for a growing time after a refresh of a cached total failed. */
export type RefreshBackoff = {
  /** False while the total rests; each such call is counted. */
  mayRefresh: (key: TotalKey) => boolean;
  recordFailure: (key: TotalKey) => void;
  /** The upstream answered for this total. */
  reset: (key: TotalKey) => void;
};

type RefreshBackoffSettings = {
  maxEntries: number;
  monotonic: () => number;
  /** A refresh is not made, because the total rests. */
  onSkip: () => void;
};

export function createRefreshBackoff({
  maxEntries,
  monotonic,
  onSkip,
}: RefreshBackoffSettings): RefreshBackoff {
  type Rest = { failures: number; endsAtMs: number };
  const rests = new LRUCache<string, Rest>({ maxSize: maxEntries, sizeCalculation: () => 1 });

  function mayRefresh({ text }: TotalKey): boolean {
    const rest = rests.get(text);
    if (rest === undefined || rest.endsAtMs <= monotonic()) return true;
    onSkip();
    return false;
  }

  function recordFailure({ text }: TotalKey): void {
    const previous = rests.get(text);
    // Failures of long ago do not count.
    const isRepeated = previous !== undefined && monotonic() - previous.endsAtMs < maxRestMs;
    const failures = isRepeated ? previous.failures + 1 : 1;
    rests.set(text, { failures, endsAtMs: monotonic() + toRestMs(failures, Math.random()) });
  }
  return { mayRefresh, recordFailure, reset: ({ text }) => void rests.delete(text) };
}
