import type { Assessment } from './outcome.ts';
import { maxFailureBackoffMs, maxRetryAfterSeconds, toFailureBackoffMs } from './retry.ts';

/** Rejects all calls of a tenant for the time that Zenskar asked for, or for a growing time if a 429 names none. */
export type CallPause = {
  /**
   * Takes the assessment of each call. A retryable failure with a `Retry-After`, and every 429, begins a pause or extends it.
   */
  record: (assessment: Recorded) => void;
  /** Takes a pause that another process has begun. It is not shared again. */
  join: (pause: Pause) => void;
  /** Undefined if there is no pause. */
  current: () => { kind: PauseKind; remainingMs: number } | undefined;
};

export type Pause = {
  kind: PauseKind;
  remainingMs: number;
  /** Consecutive pauses that a 429 without `Retry-After` began, this one included. */
  growth: number;
};

type Recorded = Pick<Assessment, 'result' | 'retryable' | 'retryAfterMs'>;

/** What calls get during the pause. */
type PauseKind = 'rateLimitPause' | 'failurePause';

/** Whether a response to this process began the pause, or another process that shares it. */
type PauseOrigin = 'response' | 'shared';

type CallPauseSettings = {
  monotonic: () => number;
  onBegin: (durationMs: number, origin: PauseOrigin) => void;
  /** Sends a new pause, or a longer one, to other processes. */
  share: (pause: Pause) => void;
};

export const maxPauseMs = maxRetryAfterSeconds * 1000;
/**
 * Between processes, ends within this time of each other are the same. So calls in flight that fail together do not cause one message
 * each, and the time that messages take extends no pause.
 */
const sameEndMs = 50;

export function createCallPause({ monotonic, onBegin, share }: CallPauseSettings): CallPause {
  let kind: PauseKind = 'rateLimitPause';
  let endsAtMs = 0;
  /** The end that other processes know. */
  let sharedEndsAtMs = 0;
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
    pauseFor(durationMs, isRateLimit ? 'rateLimitPause' : 'failurePause', 'response');
    if (paused !== undefined && endsAtMs <= sharedEndsAtMs + sameEndMs) return;
    sharedEndsAtMs = endsAtMs;
    share({ kind, remainingMs: Math.ceil(durationMs), growth });
  }

  function join(pause: Pause): void {
    const remainingMs = Math.min(pause.remainingMs, maxPauseMs);
    growth = Math.max(growth, pause.growth);
    sharedEndsAtMs = Math.max(sharedEndsAtMs, monotonic() + remainingMs);
    const paused = current();
    if (paused === undefined || remainingMs > paused.remainingMs + sameEndMs)
      pauseFor(remainingMs, pause.kind, 'shared');
  }

  function pauseFor(durationMs: number, newKind: PauseKind, origin: PauseOrigin): void {
    if (current() === undefined) onBegin(durationMs, origin);
    kind = newKind;
    endsAtMs = monotonic() + durationMs;
  }

  function toDurationMs({ retryable, retryAfterMs }: Recorded, mayGrow: boolean): number {
    if (!retryable) return 0;
    if (retryAfterMs > 0 || !mayGrow) return retryAfterMs;
    // Failures of long ago do not count.
    if (monotonic() - endsAtMs > maxFailureBackoffMs) growth = 0;
    growth += 1;
    return toFailureBackoffMs(growth, Math.random());
  }

  function current() {
    const remainingMs = endsAtMs - monotonic();
    return remainingMs > 0 ? { kind, remainingMs } : undefined;
  }
  return { record, join, current };
}
