import { AppError } from '../errors.ts';
import { type Caller, fly, type Passenger, type SourceDependencies } from './flight.ts';
import { type Freshness, toFreshness } from './freshness.ts';
import type { CacheKey, Entry } from './key.ts';
import type { Shared, Stamp } from './redisCache.ts';
import { countFailure, countTotal, type Source } from './stats.ts';
import type { Total } from './total.ts';

export type TotalSource = {
  /** The total, where it is at hand and fresh beyond doubt. */
  getFresh: (key: CacheKey, caller: Caller) => Total | undefined;
  /** A total or an error for each key, in order. */
  loadMany: (keys: readonly CacheKey[], caller: Caller) => Promise<(Total | Error)[]>;
  /** Tells whether totals that are loaded from now on were purged since, or may have been. */
  watchPurges: () => (totals: readonly Total[]) => boolean;
};

/** One key on its way: what was found for it so far. */
type Wanted = {
  readonly key: CacheKey;
  entry: Entry | undefined;
  /** Of the entry's age alone. */
  stale: boolean;
  freshness: Freshness;
  /** What the shared cache held; the memory may be too small to keep it. */
  shared: Entry | undefined;
  foundIn: 'memory' | 'redis';
  /** What the shared cache knew of its purges. */
  stamp: Stamp | undefined;
};

const roundTripAttributes = { 'db.system.name': 'redis', 'db.operation.name': 'MGET' };

/** Asks the memory, then the shared cache, then the upstream, and decides which age of a number will do. */
export function createTotalSource(dependencies: SourceDependencies): TotalSource {
  async function loadMany(keys: readonly CacheKey[], caller: Caller): Promise<(Total | Error)[]> {
    const wanted = keys.map((key) => look(dependencies, toWanted(key)));
    // Where one has to wait for the shared cache, the others are asked for in the same round trip.
    if (dependencies.cache.shared !== undefined && wanted.some(needsUpstream))
      await consultShared(dependencies, wanted.filter(isNotFresh), caller);
    const passenger = { ...caller, waitsOn: caller.signal };
    const totals = Promise.all(wanted.map((one) => settle(dependencies, one, passenger)));
    const stale = wanted.filter(({ freshness }) => freshness === 'revalidate');
    if (stale.length > 0) void refresh(dependencies, stale, caller);
    return totals;
  }

  function watchPurges() {
    const { purges } = dependencies.cache;
    const since = purges.moment();
    return (totals: readonly Total[]) =>
      purges.moment() !== since &&
      (purges.isDoubtful(since) || totals.some((total) => purges.isPurged(total, since)));
  }

  function getFresh(key: CacheKey, caller: Caller): Total | undefined {
    const kept = dependencies.cache.memory.get(key);
    if (kept === undefined || dependencies.cache.purges.isDoubtful(kept.since)) return undefined;
    const state = toFreshness(dependencies.now() - kept.asOfMs, dependencies.freshness);
    return state === 'fresh' ? record(caller, 'memory', toTotal(key, kept, false)) : undefined;
  }
  return { getFresh, loadMany, watchPurges };
}

function toWanted(key: CacheKey): Wanted {
  const found = { entry: undefined, shared: undefined, stamp: undefined } as const;
  return { key, ...found, stale: false, freshness: 'gone', foundIn: 'memory' };
}

function look({ cache, freshness, now }: SourceDependencies, one: Wanted): Wanted {
  const kept = cache.memory.get(one.key);
  one.entry = kept ?? one.shared;
  const state = one.entry === undefined ? 'gone' : toFreshness(now() - one.entry.asOfMs, freshness);
  one.stale = state !== 'fresh';
  // What may have been purged unheard is answered, as nobody should wait for that, but looked at again.
  const isDoubtful = kept !== undefined && cache.purges.isDoubtful(kept.since);
  one.freshness = isDoubtful && state === 'fresh' ? 'revalidate' : state;
  return one;
}

function isNotFresh({ freshness }: Wanted): boolean {
  return freshness !== 'fresh';
}

function needsUpstream({ freshness }: Wanted): boolean {
  return freshness === 'onError' || freshness === 'gone';
}

/** Asks the shared cache for all of them in one round trip, save those for which the upstream is being asked already. */
async function consultShared(
  dependencies: SourceDependencies,
  wanted: readonly Wanted[],
  caller: Caller,
): Promise<void> {
  const { shared, memory, flights, purges } = dependencies.cache;
  const unasked = wanted.filter(({ stamp, key }) => stamp === undefined && !flights.isUnderWay(key));
  if (shared === undefined || unasked.length === 0) return;
  const since = purges.moment();
  const found = await getMany(shared, unasked, caller);
  unasked.forEach((one, n) => {
    const { entry, stamp } = found?.[n] ?? {};
    one.stamp = stamp;
    one.foundIn = 'redis';
    if (entry === undefined || purges.isPurged(one.key, since)) return;
    one.shared = entry;
    memory.set(one.key, entry, since);
  });
  // Meanwhile a flight of somebody else may have landed, too.
  for (const one of wanted) look(dependencies, one);
}

async function getMany(shared: Shared, wanted: readonly Wanted[], { span }: Caller) {
  const roundTrip = span.start('cache get', { kind: 'client', attributes: roundTripAttributes });
  const found = await shared.getMany(wanted.map(({ key }) => key));
  const hits = found?.filter((one) => one?.entry !== undefined).length;
  const failure = found === undefined ? 'unavailable' : undefined;
  roundTrip.end({ 'gateway.keys': wanted.length, 'gateway.found': hits, 'error.type': failure });
  return found;
}

function settle(
  dependencies: SourceDependencies,
  one: Wanted,
  caller: Passenger,
): Total | Promise<Total | Error> {
  const { key, entry, stale, foundIn } = one;
  if (entry === undefined || needsUpstream(one)) return fetchTotal(dependencies, one, caller).catch(toError);
  if (one.freshness === 'revalidate') caller.stats.isRevalidating = true;
  return record(caller, stale ? 'stale' : foundIn, toTotal(key, entry, stale));
}

async function fetchTotal(dependencies: SourceDependencies, one: Wanted, caller: Passenger): Promise<Total> {
  const source = dependencies.cache.flights.isUnderWay(one.key) ? 'inflight' : 'upstream';
  const result = await fly(dependencies, one, caller).catch((error: unknown) => {
    return { ok: false, error, mayServeStale: false } as const;
  });
  if (result.ok) return record(caller, source, toTotal(one.key, result, false));
  if (caller.signal.aborted) throw new AppError('UPSTREAM_UNAVAILABLE', 'The caller has gone.');
  // What was kept may have been purged or replaced meanwhile.
  one.shared = undefined;
  const kept = result.mayServeStale ? look(dependencies, one).entry : undefined;
  if (kept === undefined || one.freshness === 'gone') {
    countFailure(caller.stats);
    throw result.error;
  }
  return record(caller, 'stale', toTotal(one.key, kept, one.stale));
}

/** Refreshes what was answered stale, once the shared cache was asked whether another replica has done so. */
async function refresh(
  dependencies: SourceDependencies,
  stale: readonly Wanted[],
  caller: Caller,
): Promise<void> {
  // The batch's own has ended by then, and takes no more links.
  const span = caller.span.start('totals refresh', { attributes: { 'gateway.keys': stale.length } });
  const passenger = { ...caller, span, waitsOn: undefined };
  await consultShared(dependencies, stale, passenger);
  // Whether they succeed is for the next request to see; what failed is in the log.
  await Promise.allSettled(stale.filter(isNotFresh).map((one) => fly(dependencies, one, passenger)));
  span.end();
}

function toTotal(key: CacheKey, { quantity, asOfMs }: Entry, stale: boolean): Total {
  const { entitlementId, customerId, startDate, endDate } = key;
  return { entitlementId, customerId, startDate, endDate, quantity, asOfMs, stale };
}

function record({ stats }: Caller, source: Source, total: Total): Total {
  countTotal(stats, source, total);
  return total;
}

/** DataLoader takes an `Error` in a slot for that key's failure, and anything else for its value. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('A total failed with something that is no error', { cause: thrown });
}
