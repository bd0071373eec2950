import type { GatewayEvent } from './events.ts';

const windowMs = 1000;

/** `repeated`: how many of the same it stands for, itself among them; undefined where it stands for itself. */
type Write = (event: GatewayEvent, repeated?: number) => void;

type Sampling = {
  tell: (event: GatewayEvent) => void;
  /** Writes at once what is held back. */
  flush: () => void;
};

/**
 * Lets through the first of several events that say the same, and after that one in a second, the last, with the number
 * of those it stands for. An upstream that is down says so once for each call, and a log must not be what fails next.
 */
export function createSampling(write: Write): Sampling {
  const held = new Map<string, { last: GatewayEvent; count: number }>();

  function open(kind: string, last: GatewayEvent): void {
    held.set(kind, { last, count: 0 });
    setTimeout(close, windowMs, kind).unref();
  }

  function close(kind: string): void {
    const one = held.get(kind);
    held.delete(kind);
    if (one === undefined || one.count === 0) return;
    write(one.last, one.count);
    open(kind, one.last);
  }

  function tell(event: GatewayEvent): void {
    const kind = toKind(event);
    const one = held.get(kind);
    if (one === undefined) {
      write(event);
      open(kind, event);
    } else {
      one.last = event;
      one.count += 1;
    }
  }
  return { tell, flush: () => [...held.keys()].forEach(close) };
}

/** All that an event says, save what no two have in common. */
function toKind(event: GatewayEvent): string {
  const apart = { requestId: undefined, traceId: undefined, durationMs: undefined, upstreamIds: undefined };
  return JSON.stringify({ ...event, ...apart });
}
