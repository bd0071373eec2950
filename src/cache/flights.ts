import type { CacheKey } from './key.ts';
import type { Moment, Purges } from './purges.ts';

type Flight<Result> = {
  result: Promise<Result>;
  since: Moment;
  waiters: number;
  land: AbortController;
};

/** Starts the work of a flight. `signal` aborts when the last waiter has left. */
type Start<Result> = (signal: AbortSignal, since: Moment) => Promise<Result>;

export type Flights<Result> = {
  isUnderWay: (key: CacheKey) => boolean;
  /**
   * The result of the flight for this key, started only where none is under way. The waiter leaves when its own
   * `signal` aborts; without one it stays to the end.
   */
  join: (key: CacheKey, signal: AbortSignal | undefined, start: Start<Result>) => Promise<Result>;
};

/**
 * One piece of work per key at a time, for all who wait for it. It never runs on the signal of any one of them, and a
 * flight that began before a purge takes no new passengers.
 */
export function createFlights<Result>(purges: Purges): Flights<Result> {
  const underWay = new Map<string, Flight<Result>>();

  function current(key: CacheKey): Flight<Result> | undefined {
    const flight = underWay.get(key.text);
    return flight !== undefined && !purges.isPurged(key, flight.since) ? flight : undefined;
  }

  function board(key: CacheKey, start: Start<Result>): Flight<Result> {
    const since = purges.moment();
    const land = new AbortController();
    const flight: Flight<Result> = { result: start(land.signal, since), since, waiters: 0, land };
    underWay.set(key.text, flight);
    const end = () => {
      if (underWay.get(key.text) === flight) underWay.delete(key.text);
    };
    flight.result.then(end, end);
    land.signal.addEventListener('abort', end, { once: true });
    return flight;
  }

  function join(key: CacheKey, signal: AbortSignal | undefined, start: Start<Result>): Promise<Result> {
    const flight = current(key) ?? board(key, start);
    flight.waiters += 1;
    return waitFor(flight, signal);
  }
  return { isUnderWay: (key) => current(key) !== undefined, join };
}

function waitFor<Result>(flight: Flight<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return flight.result;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const leave = () => {
    flight.waiters -= 1;
    if (flight.waiters === 0) flight.land.abort();
    reject(signal.reason);
  };
  if (signal.aborted) {
    leave();
    return promise;
  }
  signal.addEventListener('abort', leave, { once: true });
  const stay = () => signal.removeEventListener('abort', leave);
  flight.result.then(resolve, reject).finally(stay);
  return promise;
}
