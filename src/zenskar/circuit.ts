/** What the end of a call says about the upstream: nothing if the call was cancelled. */
export type Health = 'healthy' | 'failing' | 'unknown';

type State =
  | { state: 'closed'; failures: number }
  | { state: 'open'; openedAtMs: number }
  | { state: 'halfOpen'; isProbing: boolean };

export type CircuitState = State['state'];

/** The state in which a call began. Each change of state begins a new generation. */
export type Generation = Readonly<State>;

export type Circuit = {
  /** Admits a call, or returns undefined while the circuit is open. While half-open, it admits one call at a time. */
  allow: () => Generation | undefined;
  /** Takes the end of each admitted call. Calls of an earlier generation are ignored. */
  record: (generation: Generation, health: Health) => void;
  /** Milliseconds until the open circuit admits a call; 0 if it is not open. */
  remainingMs: () => number;
};

type CircuitSettings = {
  /** Consecutive failures that open the circuit. */
  maxFailures: number;
  /** Time from opening until one call probes the upstream. */
  resetMs: number;
  monotonic: () => number;
  onChange: (state: CircuitState) => void;
};

/** A circuit breaker: rejects calls to an upstream that keeps failing, and probes it with one call at a time. */
export function createCircuit({ maxFailures, resetMs, monotonic, onChange }: CircuitSettings): Circuit {
  let current: State = { state: 'closed', failures: 0 };

  function change(next: State): void {
    current = next;
    onChange(next.state);
  }

  function remainingMs(): number {
    return current.state === 'open' ? Math.max(0, current.openedAtMs + resetMs - monotonic()) : 0;
  }

  function allow(): Generation | undefined {
    if (current.state === 'open') {
      if (remainingMs() > 0) return undefined;
      change({ state: 'halfOpen', isProbing: false });
    }
    if (current.state === 'halfOpen') {
      if (current.isProbing) return undefined;
      current.isProbing = true;
    }
    return current;
  }

  function record(generation: Generation, health: Health): void {
    if (generation !== current) return;
    if (current.state === 'closed') {
      if (health === 'healthy') current.failures = 0;
      else if (health === 'failing') current.failures += 1;
      if (current.failures >= maxFailures) change({ state: 'open', openedAtMs: monotonic() });
    } else if (current.state === 'halfOpen') {
      // After a probe that was cancelled, the next call becomes the probe.
      if (health === 'unknown') current.isProbing = false;
      else if (health === 'healthy') change({ state: 'closed', failures: 0 });
      else change({ state: 'open', openedAtMs: monotonic() });
    }
  }
  return { allow, record, remainingMs };
}
