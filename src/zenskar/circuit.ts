export type CircuitState = 'closed' | 'open' | 'halfOpen';

/** What an attempt says of the upstream's health: nothing, where the caller gave it up. */
export type Verdict = 'healthy' | 'failing' | 'unknown';

export type Circuit = {
  /** Whether a call may start now. While half open, only the one that is told yes. */
  allow: () => boolean;
  /** To be told of each call that was allowed. */
  record: (verdict: Verdict) => void;
  /** Milliseconds until a call may be tried again; 0 where one may now. */
  remainingMs: () => number;
};

type CircuitSettings = {
  /** Consecutive failures that open it. */
  failures: number;
  /** How long it stays open before one call may try again. */
  resetMs: number;
  now: () => number;
  onChange: (state: CircuitState) => void;
};

/** Stops calls to an upstream that fails again and again, and lets one through at a time to see whether it is back. */
export function createCircuit({ failures, resetMs, now, onChange }: CircuitSettings): Circuit {
  let state: CircuitState = 'closed';
  let consecutiveFailures = 0;
  let openedAtMs = 0;

  function change(next: CircuitState): void {
    if (next !== state) onChange(next);
    state = next;
  }

  function open(): void {
    openedAtMs = now();
    change('open');
  }

  return {
    allow() {
      if (state === 'open' && now() - openedAtMs >= resetMs) {
        change('halfOpen');
        return true;
      }
      return state === 'closed';
    },
    record(verdict) {
      if (verdict === 'healthy') {
        consecutiveFailures = 0;
        change('closed');
      } else if (verdict === 'failing') {
        consecutiveFailures += 1;
        // While open, what fails is a call from before: no reason to stay open longer.
        if (state === 'halfOpen' || (state === 'closed' && consecutiveFailures >= failures)) open();
      } else if (state === 'halfOpen') {
        // The probe was given up, so nothing is known: the next call becomes the probe.
        change('open');
      }
    },
    remainingMs: () => (state === 'closed' ? 0 : Math.max(0, openedAtMs + resetMs - now())),
  };
}
