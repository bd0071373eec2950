import type { Span } from '../telemetry/tracing.ts';
import { createWaiters, type Waiters } from '../zenskar/fairQueue.ts';
import type { PurgeEpoch, Purges } from './purges.ts';
import type { TotalKey } from './total.ts';

/** Waits for any number of flights on behalf of one request. */
export type Waiter = {
  /** The request; the queue before the upstream takes turns between requests. */
  requester: object;
  span: Span;
  signal: AbortSignal | undefined;
  /** Called when `signal` aborts. */
  onAbort: Set<() => void>;
};

/** A waiter that leaves its flights when `signal` aborts; without a signal it waits to the end. */
export function createWaiter({ requester, span, signal }: Omit<Waiter, 'onAbort'>): Waiter {
  const onAbort = new Set<() => void>();
  const abort = () => {
    for (const leave of onAbort) leave();
  };
  // One listener for all flights: a signal searches all its listeners for each that is added or removed.
  signal?.addEventListener('abort', abort, { once: true });
  return { requester, span, signal, onAbort };
}

/** `signal` aborts when the last waiter has left; `epoch` is that of the start. */
type FlightContext = { signal: AbortSignal; epoch: PurgeEpoch; waiters: Waiters };

type Start<Result> = (context: FlightContext) => Promise<Result>;

type Flight<Result> = {
  result: Promise<Result>;
  epoch: PurgeEpoch;
  /** Of the waiter that started it. */
  span: Span;
  /** All requests that joined, including those that left. The queue takes turns between them. */
  waiters: Waiters;
  /** Waiters that have not left. */
  waiting: number;
  /** Takes no new waiters from then on. */
  close: () => void;
  abort: () => void;
};

/** `epoch` is that of the start of the flight. `result` rejects when the waiter leaves. */
type Boarding<Result> = { joined: boolean; epoch: PurgeEpoch; result: Promise<Result> };

export type SingleFlight<Result> = {
  /** Joins the flight of this key, or starts one if there is none. */
  loadOnce: (key: TotalKey, waiter: Waiter, start: Start<Result>) => Boarding<Result>;
  isInFlight: (key: TotalKey) => boolean;
};

/**
 * At most one load per key at a time, for all who wait for it. A load is aborted when its last waiter leaves, and takes no
 * new waiters after its key was, or may have been, purged.
 */
export function createSingleFlight<Result>(purges: Purges): SingleFlight<Result> {
  const flights = new Map<string, Flight<Result>>();

  function find(key: TotalKey): Flight<Result> | undefined {
    const flight = flights.get(key.text);
    if (flight === undefined || purges.isPurged(key, flight.epoch)) return undefined;
    return purges.isBeforeMissedPurges(flight.epoch) ? undefined : flight;
  }

  function launch(key: TotalKey, { requester, span }: Waiter, start: Start<Result>): Flight<Result> {
    const epoch = purges.currentEpoch();
    const waiters = createWaiters(requester);
    const controller = new AbortController();
    const result = start({ signal: controller.signal, epoch, waiters });
    const close = () => {
      if (flights.get(key.text) === flight) flights.delete(key.text);
    };
    const abort = () => controller.abort();
    const flight: Flight<Result> = { result, epoch, span, waiters, waiting: 0, close, abort };
    flights.set(key.text, flight);
    result.then(close, close);
    return flight;
  }

  function loadOnce(key: TotalKey, waiter: Waiter, start: Start<Result>) {
    const existing = find(key);
    const flight = existing ?? launch(key, waiter, start);
    waiter.span.link(flight.span);
    flight.waiters.add(waiter.requester);
    return { joined: existing !== undefined, epoch: flight.epoch, result: waitFor(flight, waiter) };
  }
  return { loadOnce, isInFlight: (key) => find(key) !== undefined };
}

function waitFor<Result>(flight: Flight<Result>, { signal, onAbort }: Waiter): Promise<Result> {
  flight.waiting += 1;
  if (signal === undefined) return flight.result;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const leave = () => {
    flight.waiting -= 1;
    if (flight.waiting === 0) {
      flight.close();
      flight.abort();
    }
    reject(signal.reason);
  };
  if (signal.aborted) {
    leave();
    return promise;
  }
  onAbort.add(leave);
  const settleWith =
    <Value>(settle: (value: Value) => void) =>
    (value: Value) => {
      onAbort.delete(leave);
      settle(value);
    };
  flight.result.then(settleWith(resolve), settleWith(reject));
  return promise;
}
