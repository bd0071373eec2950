import type { Span } from '../telemetry/tracing.ts';
import { createWaiters, type Waiters } from '../zenskar/fairQueue.ts';
import { type CacheKey, toKeyText } from './key.ts';
import type { Moment, Purges } from './purges.ts';

/** One who waits: leaves when `signal` aborts, and without one stays to the end. */
type Passenger = { member: object; signal: AbortSignal | undefined; span: Span };

type Flight<Result> = {
  waiters: Waiters;
  /** Of who began it. */
  span: Span;
  result: Promise<Result>;
  since: Moment;
  passengers: number;
  /** Takes no new passengers from then on. */
  end: () => void;
  land: AbortController;
};

/** `signal` aborts when the last passenger has left. */
type Departure = { signal: AbortSignal; since: Moment; waiters: Waiters };
type Start<Result> = (departure: Departure) => Promise<Result>;

export type Flights<Result> = {
  isUnderWay: (key: CacheKey) => boolean;
  /**
   * The result of the flight for this key, started only where none is under way.
   */
  join: (key: CacheKey, passenger: Passenger, start: Start<Result>) => Promise<Result>;
};

/**
 * One piece of work per key at a time, for all who wait for it. It never runs on the signal of any one of them, and a
 * flight that began before a purge takes no new passengers.
 */
export function createFlights<Result>(purges: Purges): Flights<Result> {
  const underWay = new Map<string, Flight<Result>>();

  function current(key: CacheKey): Flight<Result> | undefined {
    const flight = underWay.get(toKeyText(key));
    return flight !== undefined && !purges.isPurged(key, flight.since) ? flight : undefined;
  }

  function depart(key: CacheKey, { member, span }: Passenger, start: Start<Result>): Flight<Result> {
    const since = purges.moment();
    const land = new AbortController();
    const waiters = createWaiters(member);
    const result = start({ signal: land.signal, since, waiters });
    const text = toKeyText(key);
    const end = () => {
      if (underWay.get(text) === flight) underWay.delete(text);
    };
    const flight: Flight<Result> = { waiters, span, result, since, passengers: 0, end, land };
    underWay.set(text, flight);
    result.then(end, end);
    return flight;
  }

  function join(key: CacheKey, passenger: Passenger, start: Start<Result>): Promise<Result> {
    const { member, signal, span } = passenger;
    const flight = current(key) ?? depart(key, passenger, start);
    flight.passengers += 1;
    span.link(flight.span);
    flight.waiters.add(member);
    return waitFor(flight, signal);
  }
  return { isUnderWay: (key) => current(key) !== undefined, join };
}

function waitFor<Result>(flight: Flight<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return flight.result;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const leave = () => {
    flight.passengers -= 1;
    if (flight.passengers === 0) {
      flight.end();
      flight.land.abort();
    }
    reject(signal.reason);
  };
  if (signal.aborted) {
    leave();
    return promise;
  }
  const onAbort = listenersOf(signal);
  onAbort.add(leave);
  const thenStay =
    <Value>(settle: (value: Value) => void) =>
    (value: Value) => {
      onAbort.delete(leave);
      settle(value);
    };
  flight.result.then(thenStay(resolve), thenStay(reject));
  return promise;
}

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** A signal itself looks through all of its listeners for each that is added or removed: a thousand times a thousand. */
function listenersOf(signal: AbortSignal): Set<() => void> {
  const known = listeners.get(signal);
  if (known !== undefined) return known;
  const made = new Set<() => void>();
  listeners.set(signal, made);
  const combine = () => {
    for (const listener of made) listener();
  };
  signal.addEventListener('abort', combine, { once: true });
  return made;
}
