import type { GatewayEvent } from './events.ts';

const windowMs = 1000;
/** For faults that last until a person acts. */
const longWindowMs = 60_000;

/** `repeated`: how many equal events the line stands for, itself included; undefined for a line of its own. */
type Write = (event: GatewayEvent, repeated?: number) => void;

type WarningThrottle = {
  warn: (event: GatewayEvent) => void;
  /** Writes all suppressed events now. */
  flush: () => void;
};

/**
 * Writes the first of several equal events at once, and after that one per second, or per minute for lasting faults: the
 * latest, with the number of events since the last line. Without it, an upstream that is down would write one line per call and fill the log.
 */
export function createWarningThrottle(write: Write): WarningThrottle {
  const windows = new Map<string, { latest: GatewayEvent; suppressed: number }>();

  function openWindow(kind: string, latest: GatewayEvent): void {
    windows.set(kind, { latest, suppressed: 0 });
    setTimeout(closeWindow, isLasting(latest) ? longWindowMs : windowMs, kind).unref();
  }

  function closeWindow(kind: string): void {
    const window = windows.get(kind);
    windows.delete(kind);
    if (window === undefined || window.suppressed === 0) return;
    write(window.latest, window.suppressed);
    openWindow(kind, window.latest);
  }

  function warn(event: GatewayEvent): void {
    const kind = toKind(event);
    const window = windows.get(kind);
    if (window === undefined) {
      write(event);
      openWindow(kind, event);
    } else {
      window.latest = event;
      window.suppressed += 1;
    }
  }
  return { warn, flush: () => [...windows.keys()].forEach(closeWindow) };
}

function isLasting({ type }: GatewayEvent): boolean {
  return type === 'credentialsRejected' || type === 'contractDrift';
}

/** Equal events differ only in these fields. */
function toKind(event: GatewayEvent): string {
  const ignored = { requestId: undefined, traceId: undefined, durationMs: undefined, upstreamIds: undefined };
  return JSON.stringify({ ...event, ...ignored });
}
