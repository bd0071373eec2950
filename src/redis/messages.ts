/** Without any message for this time, some may have been missed. A gateway sends one when it is quiet for `quietMs`. */
const silenceMs = 1250;
const quietMs = 400;
/** Heartbeats that Redis took without delivering them here. It takes two a second. */
const maxUndelivered = 3;

/**
 * Passes messages on, and measures by them whether messages are received: a connection may look alive, and be one to a server that
 * the other gateways have left.
 */
export type Messages = {
  /** A message was received. */
  receive: (message: string, channel: string) => void;
  subscribe: (channel: string, onMessage: (message: string) => void) => void;
  channels: () => string[];
  /** Messages may have been missed, even if others are received soon. */
  interrupt: () => void;
  /** To be called regularly. */
  check: () => void;
  isQuiet: () => boolean;
  /** Redis has taken a heartbeat. */
  countHeartbeat: () => void;
  /** Redis takes messages, but does not deliver them here. */
  isUndelivered: () => boolean;
  /** Until then, by the monotonic clock, messages count as received. */
  hearsUntilMs: () => number;
};

/** `onHearing`: false when messages are no longer received; true when they are received again, and some may have been missed. */
export function createMessages(monotonic: () => number, onHearing: (isHearing: boolean) => void): Messages {
  const listeners = new Map<string, (message: string) => void>();
  let receivedAtMs = Number.NEGATIVE_INFINITY;
  let isHearing = false;
  let wasInterrupted = false;
  let undelivered = 0;

  function check(): void {
    if (!isHearing || monotonic() - receivedAtMs <= silenceMs) return;
    isHearing = false;
    onHearing(false);
  }

  function receive(message: string, channel: string): void {
    check();
    receivedAtMs = monotonic();
    undelivered = 0;
    if (!isHearing || wasInterrupted) {
      isHearing = true;
      wasInterrupted = false;
      onHearing(true);
    }
    listeners.get(channel)?.(message);
  }
  return {
    receive,
    subscribe: (channel, onMessage) => void listeners.set(channel, onMessage),
    channels: () => [...listeners.keys()],
    interrupt: () => {
      wasInterrupted = true;
    },
    check,
    isQuiet: () => monotonic() - receivedAtMs > quietMs,
    countHeartbeat: () => {
      undelivered += 1;
    },
    isUndelivered: () => undelivered >= maxUndelivered,
    hearsUntilMs: () => (wasInterrupted ? Number.NEGATIVE_INFINITY : receivedAtMs + silenceMs),
  };
}
