export type CircuitState = 'closed' | 'open' | 'halfOpen';

/** What an attempt says of the upstream's health: nothing, where it was given up. */
export type Verdict = 'healthy' | 'failing' | 'unknown';

/** Which stretch between two changes of state a call belongs to. */
type Ticket = number;

export type Circuit = {
  /** A ticket where a call may start now. While half open, only one call at a time gets one. */
  allow: () => Ticket | undefined;
  /** To be told of each call that was allowed; what began before the last change of state says nothing of now. */
  record: (ticket: Ticket, verdict: Verdict) => void;
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
  let stretch: Ticket = 0;
  let consecutiveFailures = 0;
  let openedAtMs = 0;
  let isProbing = false;

  function change(next: CircuitState): void {
    state = next;
    stretch += 1;
    isProbing = false;
    consecutiveFailures = 0;
    onChange(next);
  }

  return {
    allow() {
      if (state === 'open' && now() - openedAtMs >= resetMs) change('halfOpen');
      if (state === 'open' || isProbing) return undefined;
      isProbing = state === 'halfOpen';
      return stretch;
    },
    record(ticket, verdict) {
      if (ticket !== stretch) return;
      if (verdict === 'failing') consecutiveFailures += 1;
      if (verdict === 'healthy') consecutiveFailures = 0;
      // A probe that was given up says nothing: the next call becomes the probe.
      isProbing = false;
      if (verdict === 'healthy' && state === 'halfOpen') change('closed');
      else if (consecutiveFailures >= (state === 'halfOpen' ? 1 : failures)) {
        openedAtMs = now();
        change('open');
      }
    },
    remainingMs: () => (state === 'closed' ? 0 : Math.max(0, openedAtMs + resetMs - now())),
  };
}
