/** Whose turn counts as one: the totals of one request share a group. */
type Group = object;

/** The requests that wait for one call. More may join it while it stands in line. */
export type Party = { readonly members: ReadonlySet<Group>; onJoin: ((group: Group) => void) | undefined };

/** Frees the place it was given with. */
type Release = () => void;

type Admit = (release: Release) => void;

type Patience = { signal: AbortSignal; timeoutMs: number };

export type FairQueue = {
  /** Takes a place where one is free. */
  enter: () => Release | undefined;
  /** Resolves when it is the turn of any of the party; rejects when `signal` aborts first, or the time is over. */
  wait: (party: Party, patience: Patience) => Promise<Release>;
  /** Whether nothing runs and nobody waits. */
  isIdle: () => boolean;
};

/**
 * Lets at most `limit` calls run at once. The rest wait: first in, first out within a group, and turn by turn between
 * groups, so that a request of 200 totals does not hold up a request of one,
 * not even one that joins a call of the 200.
 */
export function createFairQueue(limit: number): FairQueue {
  // A Map keeps its order: the group in front is next, and goes to the back after its turn.
  const groups = new Map<Group, Set<Admit>>();
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
      const [admit] = waiters;
      const release = enter();
      if (admit === undefined || release === undefined) return;
      groups.delete(group);
      groups.set(group, waiters);
      admit(release);
      return;
    }
  }

  function wait(party: Party, { signal, timeoutMs }: Patience): Promise<Release> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    const stepOut = () => {
      party.onJoin = undefined;
      signal.removeEventListener('abort', leave);
      clearTimeout(timer);
      for (const group of party.members) stepOutOf(groups, group, admit);
    };
    const admit = (release: Release) => {
      stepOut();
      resolve(release);
    };
    const leave = () => {
      stepOut();
      reject(signal.aborted ? signal.reason : new Error(`No place within ${timeoutMs} ms`));
    };
    // A signal made of this one and a timeout took longer than all the rest of waiting in line.
    const timer = setTimeout(leave, timeoutMs);
    signal.addEventListener('abort', leave);
    party.onJoin = (group) => stepInto(groups, group, admit);
    for (const group of party.members) stepInto(groups, group, admit);
    return promise;
  }

  return { enter, wait, isIdle: () => free === limit };
}

function stepInto(groups: Map<Group, Set<Admit>>, group: Group, admit: Admit): void {
  groups.set(group, (groups.get(group) ?? new Set()).add(admit));
}

function stepOutOf(groups: Map<Group, Set<Admit>>, group: Group, admit: Admit): void {
  const waiters = groups.get(group);
  if (waiters?.delete(admit) && waiters.size === 0) groups.delete(group);
}
