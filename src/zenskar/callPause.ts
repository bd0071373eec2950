import type { Assessment } from './outcome.ts';
import { maxRestMs, toRestMs } from './retry.ts';

/** Rejects all calls of a tenant for the time that Zenskar asked for, or for a growing time if a 429 names none. */
export type CallPause = {
  /**
   * Takes the assessment of each call. A retryable failure with a `Retry-After`, and every 429, begins a pause or extends it.
   */
  record: (assessment: Recorded) => void;
  /** Undefined if there is no pause. */
  current: () => { kind: PauseKind; remainingMs: number } | undefined;
};

type Recorded = Pick<Assessment, 'result' | 'retryable' | 'retryAfterMs'>;

/** What calls get during the pause. */
type PauseKind = 'rateLimitPause' | 'failurePause';

export function createCallPause(monotonic: () => number, onPause: (durationMs: number) => void): CallPause {
  let kind: PauseKind = 'rateLimitPause';
  let endsAtMs = 0;
  /** Consecutive pauses that a 429 without `Retry-After` began. */
  let growth = 0;

  function record(recorded: Recorded): void {
    const paused = current();
    if (recorded.result.ok) {
      // A call that was in flight before the pause shows nothing about the time after it.
      if (paused === undefined) growth = 0;
      return;
    }
    const isRateLimit = recorded.result.error.code === 'UPSTREAM_RATE_LIMITED';
    const durationMs = toDurationMs(recorded, isRateLimit && paused === undefined);
    if (durationMs <= (paused?.remainingMs ?? 0)) return;
    if (paused === undefined) onPause(durationMs);
    kind = isRateLimit ? 'rateLimitPause' : 'failurePause';
    endsAtMs = monotonic() + durationMs;
  }

  function toDurationMs({ retryable, retryAfterMs }: Recorded, mayGrow: boolean): number {
    if (!retryable) return 0;
    if (retryAfterMs > 0 || !mayGrow) return retryAfterMs;
    // Failures of long ago do not count.
    if (monotonic() - endsAtMs > maxRestMs) growth = 0;
    growth += 1;
    return toRestMs(growth, Math.random());
  }

  function current() {
    const remainingMs = endsAtMs - monotonic();
    return remainingMs > 0 ? { kind, remainingMs } : undefined;
  }
  return { record, current };
}
