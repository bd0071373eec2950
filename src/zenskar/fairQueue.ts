/** Whose turn counts as one: the totals of one request share a group. */
export type Group = object;

/** Frees the place it was given with. */
type Release = () => void;

export type FairQueue = {
  /** Takes a place where one is free. */
  enter: () => Release | undefined;
  /** Resolves when it is the caller's turn; rejects when `signal` aborts first. */
  wait: (group: Group, signal: AbortSignal) => Promise<Release>;
};

/**
 * Lets at most `limit` calls run at once. The rest wait: first in, first out within a group, and turn by turn between
 * groups, so that a request of 200 totals does not hold up a request of one.
 */
export function createFairQueue(limit: number): FairQueue {
  // A Map keeps its order: the group in front is next, and goes to the back after its turn.
  const groups = new Map<Group, Set<(release: Release) => void>>();
  let free = limit;

  function enter(): Release | undefined {
    if (free === 0) return undefined;
    free -= 1;
    return () => {
      free += 1;
      admitNext();
    };
  }

  function admitNext(): void {
    for (const [group, waiters] of groups) {
      groups.delete(group);
      const [admit] = waiters;
      const release = enter();
      if (admit === undefined || release === undefined) return;
      waiters.delete(admit);
      if (waiters.size > 0) groups.set(group, waiters);
      admit(release);
      return;
    }
  }

  function wait(group: Group, signal: AbortSignal): Promise<Release> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    const waiters = groups.get(group) ?? new Set();
    groups.set(group, waiters);
    const admit = (release: Release) => {
      signal.removeEventListener('abort', leave);
      resolve(release);
    };
    const leave = () => {
      waiters.delete(admit);
      if (waiters.size === 0) groups.delete(group);
      reject(signal.reason);
    };
    waiters.add(admit);
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }
  return { enter, wait };
}
