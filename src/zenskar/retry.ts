const firstBackoffMs = 100;
const maxBackoffMs = 2000;

type Retry = {
  /** Attempts made so far. */
  attempts: number;
  /** Further attempts allowed after the first. */
  retries: number;
  /** Time until the deadline. */
  remainingMs: number;
  /** The pause that the upstream asked for; 0 if none. */
  retryAfterMs: number;
  /** From 0 up to, not including, 1. */
  random: number;
};

/**
 * The pause before the next attempt in milliseconds; undefined if none may follow. The backoff doubles with each attempt
 * and is random over its whole length ("full jitter"), so that calls that failed together do not return together.
 * A pause that would outlast the deadline is not begun.
 */
export function decideRetry(retry: Retry): number | undefined {
  const { attempts, retries, remainingMs, retryAfterMs, random } = retry;
  if (attempts > retries) return undefined;
  const backoffMs = random * Math.min(maxBackoffMs, firstBackoffMs * 2 ** (attempts - 1));
  const pauseMs = retryAfterMs + backoffMs;
  return pauseMs < remainingMs ? pauseMs : undefined;
}

const firstFailureBackoffMs = 1000;
/** The longest time without calls to a failing upstream that has not asked for one. */
export const maxFailureBackoffMs = 30_000;

/**
 * How long to make no call after this many consecutive failures: one second, doubling, up to 30. Half of it is random, so that
 * replicas do not return together.
 */
export function toFailureBackoffMs(failures: number, random: number): number {
  return (0.5 + random / 2) * Math.min(maxFailureBackoffMs, firstFailureBackoffMs * 2 ** (failures - 1));
}

/** An upstream that asks for more is called again after this time: it may have meant milliseconds. */
export const maxRetryAfterSeconds = 300;

/**
 * Seconds until a `Retry-After` header allows the next call (RFC 9110, section 10.2.3: a number of seconds or an
 * HTTP date), from 0 to 300; undefined if the header is absent or invalid. `sentMs`: the `date` of the response, by the same clock.
 */
export function parseRetryAfter(value: string | undefined, sentMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((parseHttpDate(value) - sentMs) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(maxRetryAfterSeconds, Math.max(0, seconds));
}

/** Milliseconds since the epoch, or NaN. `Date.parse` alone accepts many texts that are not HTTP dates, such as "-1". */
export function parseHttpDate(value: string): number {
  return /^[A-Za-z]{3,9},? .*\d/.test(value) ? Date.parse(value) : Number.NaN;
}

const budgetWindowSeconds = 10;
/** Retries as a share of first attempts. */
const budgetShare = 0.2;
/** Retries that each window allows in any case: under light traffic, the share would be less than one retry. */
const minBudget = 10;

export type RetryBudget = {
  /** Counts the first attempt of a call. */
  countCall: () => void;
  /** Consumes one retry; false if the budget is used up. */
  takeRetry: () => boolean;
};

/** Keeps retries a small share of all calls, so that a failing upstream does not get three times the traffic. */
export function createRetryBudget(monotonic: () => number): RetryBudget {
  const perSecond = new Map<number, { calls: number; retries: number }>();
  let latestSecond = Number.NaN;

  function currentCounts() {
    const second = Math.floor(monotonic() / 1000);
    if (second !== latestSecond) {
      latestSecond = second;
      for (const counted of perSecond.keys())
        if (counted <= second - budgetWindowSeconds) perSecond.delete(counted);
    }
    const counts = perSecond.get(second) ?? { calls: 0, retries: 0 };
    perSecond.set(second, counts);
    return counts;
  }

  function countCall(): void {
    currentCounts().calls += 1;
  }

  function takeRetry(): boolean {
    const current = currentCounts();
    let [calls, retries] = [0, 0];
    for (const counts of perSecond.values()) {
      calls += counts.calls;
      retries += counts.retries;
    }
    if (retries >= Math.max(minBudget, calls * budgetShare)) return false;
    current.retries += 1;
    return true;
  }
  return { countCall, takeRetry };
}
