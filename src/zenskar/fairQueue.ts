/** Identifies a request. All calls of a request wait under the same requester. */
type Requester = object;

/** The requesters that wait for one call. More may join while the call waits in line. */
export type Waiters = {
  readonly requesters: ReadonlySet<Requester>;
  add: (requester: Requester) => void;
  /** Calls `onAdd` for each requester added from now on, until the returned function is called. */
  subscribe: (onAdd: (requester: Requester) => void) => () => void;
};

export function createWaiters(first: Requester): Waiters {
  const requesters = new Set([first]);
  const listeners = new Set<(requester: Requester) => void>();
  return {
    requesters,
    add(requester) {
      if (requesters.has(requester)) return;
      requesters.add(requester);
      for (const listener of listeners) listener(requester);
    },
    subscribe(onAdd) {
      listeners.add(onAdd);
      return () => void listeners.delete(onAdd);
    },
  };
}

/** Frees the place that was acquired. */
export type Release = () => void;

type Admit = (release: Release) => void;

/** `timeoutMs`: until the deadline; not above 0 if it has passed, for instance while the process was stopped. */
export type AcquireOptions = { signal: AbortSignal; timeoutMs: number };

export type FairQueue = {
  /** Takes a place if one is free. */
  tryAcquire: () => Release | undefined;
  /** Resolves at the turn of any of the waiters. Rejects when `signal` aborts or the time is over. */
  acquire: (waiters: Waiters, options: AcquireOptions) => Promise<Release>;
  /** Whether no call runs or waits. */
  isIdle: () => boolean;
};

/**
 * Lets at most `limit` calls run at once. The others wait: first in, first out within a requester, and turn by turn
 * between requesters. So a request for 200 totals does not delay a request for one total, even if the latter joined a
 * call of the former.
 */
export function createFairQueue(limit: number): FairQueue {
  // A Map keeps its order: the first requester is next, and moves to the end after its turn.
  const lines = new Map<Requester, Set<Admit>>();
  let free = limit;

  function tryAcquire(): Release | undefined {
    if (free === 0) return undefined;
    free -= 1;
    return () => {
      free += 1;
      admitNext();
    };
  }

  function admitNext(): void {
    for (const [requester, line] of lines) {
      const [admit] = line;
      const release = tryAcquire();
      if (admit === undefined || release === undefined) return;
      lines.delete(requester);
      lines.set(requester, line);
      admit(release);
      return;
    }
  }

  function acquire(waiters: Waiters, { signal, timeoutMs }: AcquireOptions): Promise<Release> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (timeoutMs <= 0) return Promise.reject(new Error('The deadline has passed.'));
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    const leave = () => {
      unsubscribe();
      signal.removeEventListener('abort', cancel);
      clearTimeout(timer);
      for (const requester of waiters.requesters) removeFromLine(lines, requester, admit);
    };
    const admit = (release: Release) => {
      leave();
      resolve(release);
    };
    const cancel = () => {
      leave();
      reject(signal.aborted ? signal.reason : new Error(`No place within ${timeoutMs} ms`));
    };
    // AbortSignal.any() with a timeout took longer than all the rest of waiting.
    const timer = setTimeout(cancel, timeoutMs);
    signal.addEventListener('abort', cancel);
    const unsubscribe = waiters.subscribe((requester) => addToLine(lines, requester, admit));
    for (const requester of waiters.requesters) addToLine(lines, requester, admit);
    return promise;
  }

  return { tryAcquire, acquire, isIdle: () => free === limit };
}

function addToLine(lines: Map<Requester, Set<Admit>>, requester: Requester, admit: Admit): void {
  lines.set(requester, (lines.get(requester) ?? new Set()).add(admit));
}

function removeFromLine(lines: Map<Requester, Set<Admit>>, requester: Requester, admit: Admit): void {
  const line = lines.get(requester);
  if (line?.delete(admit) && line.size === 0) lines.delete(requester);
}
