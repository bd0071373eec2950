/** How long a call or a retry counts. */
const windowSeconds = 10;
/** Extra calls as a share of first calls. */
const share = 0.2;
/** Retries that are free in each window: under light traffic a fifth of the calls would be no retry at all. */
const freeRetries = 10;

export type RetryBudget = {
  recordCall: () => void;
  /** Takes one retry out of the budget; false where it is used up. */
  takeRetry: () => boolean;
};

/** Keeps retries a small share of all calls, so that an upstream that fails is not hit threefold. */
export function createRetryBudget(now: () => number): RetryBudget {
  const calls = createSlidingCount(now);
  const retries = createSlidingCount(now);
  return {
    recordCall: calls.add,
    takeRetry() {
      if (retries.total() >= Math.max(freeRetries, calls.total() * share)) return false;
      retries.add();
      return true;
    },
  };
}

/** Counts what happened within the window, to the second. */
function createSlidingCount(now: () => number) {
  const perSecond = new Map<number, number>();
  let latest = Number.NaN;

  /** As a second begins, those are forgotten that count no longer. */
  function currentSecond(): number {
    const second = Math.floor(now() / 1000);
    if (second === latest) return second;
    latest = second;
    for (const one of perSecond.keys()) if (one <= second - windowSeconds) perSecond.delete(one);
    return second;
  }
  return {
    add() {
      const second = currentSecond();
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    },
    total() {
      currentSecond();
      return perSecond.values().reduce((sum, count) => sum + count, 0);
    },
  };
}
