import type { AttemptOutcome } from './request.ts';

const firstPauseMs = 100;
const longestPauseMs = 2000;

type RetryQuestion = {
  outcome: AttemptOutcome;
  /** Attempts made so far. */
  attempts: number;
  /** Further attempts allowed. */
  retries: number;
  /** What is left of the deadline. */
  remainingMs: number;
  /** The pause the upstream asked for. */
  retryAfterMs: number | undefined;
  /** From 0 up to, not including, 1. */
  random: number;
};

/**
 * Whether another attempt makes sense, and after which pause in milliseconds; undefined for none. Pauses double and
 * are spread over their whole length ("full jitter"), so that callers who failed together do not come back together.
 * A pause that would use up the deadline is not begun.
 */
export function decideRetry(question: RetryQuestion): number | undefined {
  const { outcome, attempts, retries, remainingMs, retryAfterMs = 0, random } = question;
  if (attempts > retries || !isTransient(outcome)) return undefined;
  const backoffMs = random * Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
  const pauseMs = retryAfterMs + backoffMs;
  return pauseMs < remainingMs ? pauseMs : undefined;
}

/** Whether the same call may be answered if it is made again. */
function isTransient(outcome: AttemptOutcome): boolean {
  switch (outcome.kind) {
    case 'timeout':
    case 'connection':
      return true;
    case 'answered':
      return outcome.status === 408 || outcome.status === 429 || outcome.status >= 500;
    default:
      return false;
  }
}
