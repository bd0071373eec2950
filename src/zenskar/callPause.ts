import type { Assessment } from './outcome.ts';

/** Rejects all calls of a tenant for the time that Zenskar asked for with `Retry-After`. */
export type CallPause = {
  /** Takes the assessment of each call. A retryable failure with a `Retry-After` begins a pause, or extends it. */
  record: (assessment: Pick<Assessment, 'result' | 'retryable' | 'retryAfterMs'>) => void;
  /** Undefined if there is no pause. */
  current: () => { kind: PauseKind; remainingMs: number } | undefined;
};

/** What calls get during the pause. */
type PauseKind = 'rateLimitPause' | 'failurePause';

/** An upstream that asks for more is called again after this time: it may have meant milliseconds. */
const maxPauseMs = 300_000;

export function createCallPause(monotonic: () => number, onPause: (durationMs: number) => void): CallPause {
  let kind: PauseKind = 'rateLimitPause';
  let endsAtMs = 0;

  function record({ result, retryable, retryAfterMs }: Parameters<CallPause['record']>[0]): void {
    if (result.ok || !retryable || retryAfterMs === 0) return;
    const durationMs = Math.min(retryAfterMs, maxPauseMs);
    if (endsAtMs <= monotonic()) onPause(durationMs);
    if (monotonic() + durationMs <= endsAtMs) return;
    kind = result.error.code === 'UPSTREAM_RATE_LIMITED' ? 'rateLimitPause' : 'failurePause';
    endsAtMs = monotonic() + durationMs;
  }

  function current() {
    const remainingMs = endsAtMs - monotonic();
    return remainingMs > 0 ? { kind, remainingMs } : undefined;
  }
  return { record, current };
}
