import type { Cache } from '../cache/cache.ts';
import { type CacheKey, createCacheKey, type Entry } from '../cache/key.ts';
import type { Stamp } from '../cache/shared.ts';
import { AppError } from '../errors.ts';
import type { Tenant } from '../tenant.ts';
import type { Upstream } from '../zenskar/upstream.ts';
import { type Freshness, type FreshnessSettings, toFreshness } from './freshness.ts';
import { recordFailure, recordTotal, type Source, type Tally } from './tally.ts';
import type { Total, TotalKey } from './total.ts';

/** The request on whose behalf totals are loaded. */
export type Caller = {
  tenant: Tenant;
  maySee: (customerId: string) => boolean;
  requestId: string;
  signal: AbortSignal;
  tally: Tally;
};

export type TotalSource = {
  /** A total or an error for each key, in order. */
  loadMany: (keys: readonly TotalKey[], caller: Caller) => Promise<(Total | Error)[]>;
};

type SourceDependencies = {
  cache: Cache;
  upstream: Upstream;
  freshness: FreshnessSettings;
  now: () => number;
};

/** One key on its way: what was found for it so far. */
type Wanted = {
  readonly key: TotalKey;
  readonly cacheKey: CacheKey;
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

/** Asks the memory, then the shared cache, then the upstream, and decides which age of a number will do. */
export function createTotalSource(dependencies: SourceDependencies): TotalSource {
  async function loadMany(keys: readonly TotalKey[], caller: Caller): Promise<(Total | Error)[]> {
    const wanted = keys.map((key) => look(dependencies, toWanted(key, caller)));
    // Where one has to wait for the shared cache, the others are asked for in the same round trip.
    if (wanted.some(needsUpstream)) await consultShared(dependencies, wanted.filter(isNotFresh));
    const totals = Promise.all(wanted.map((one) => settle(dependencies, one, caller).catch(toError)));
    const stale = wanted.filter(({ freshness }) => freshness === 'revalidate');
    if (stale.length > 0) void refresh(dependencies, stale, caller);
    return totals;
  }
  return { loadMany };
}

function toWanted(key: TotalKey, { tenant }: Caller): Wanted {
  const cacheKey = createCacheKey(tenant.scope, key);
  const found = { entry: undefined, shared: undefined, stamp: undefined } as const;
  return { key, cacheKey, ...found, stale: false, freshness: 'gone', foundIn: 'memory' };
}

function look({ cache, freshness, now }: SourceDependencies, one: Wanted): Wanted {
  const kept = cache.memory.get(one.cacheKey);
  one.entry = kept ?? one.shared;
  const state = one.entry === undefined ? 'gone' : toFreshness(now() - one.entry.asOfMs, freshness);
  one.stale = state !== 'fresh';
  // What may have been purged unheard is answered, as nobody should wait for that, but looked at again.
  one.freshness = kept?.doubtful && state === 'fresh' ? 'revalidate' : state;
  return one;
}

function isNotFresh({ freshness }: Wanted): boolean {
  return freshness !== 'fresh';
}

function needsUpstream({ freshness }: Wanted): boolean {
  return freshness === 'onError' || freshness === 'gone';
}

/** Asks the shared cache for all of them in one round trip, save those for which the upstream is being asked already. */
async function consultShared(dependencies: SourceDependencies, wanted: readonly Wanted[]): Promise<void> {
  const { shared, memory, flights, purges } = dependencies.cache;
  const unasked = wanted.filter(
    ({ stamp, cacheKey }) => stamp === undefined && !flights.isUnderWay(cacheKey),
  );
  if (shared === undefined || unasked.length === 0) return;
  const since = purges.moment();
  const found = await shared.getMany(unasked.map(({ cacheKey }) => cacheKey));
  unasked.forEach((one, n) => {
    const { entry, stamp } = found?.[n] ?? {};
    one.stamp = stamp;
    one.foundIn = 'redis';
    if (entry === undefined || purges.isPurged(one.cacheKey, since)) return;
    one.shared = entry;
    memory.set(one.cacheKey, entry, since);
  });
  // Meanwhile a flight of somebody else may have landed, too.
  for (const one of wanted) look(dependencies, one);
}

async function settle(dependencies: SourceDependencies, one: Wanted, caller: Caller): Promise<Total> {
  const { key, entry, stale, foundIn } = one;
  if (entry === undefined || needsUpstream(one)) return fetchTotal(dependencies, one, caller);
  return record(caller, stale ? 'stale' : foundIn, toTotal(key, entry, stale));
}

async function fetchTotal(dependencies: SourceDependencies, one: Wanted, caller: Caller): Promise<Total> {
  const source = dependencies.cache.flights.isUnderWay(one.cacheKey) ? 'inflight' : 'upstream';
  try {
    const entry = await fly(dependencies, one, { ...caller, waitsOn: caller.signal });
    return record(caller, source, toTotal(one.key, entry, false));
  } catch (error) {
    if (caller.signal.aborted) throw new AppError('UPSTREAM_UNAVAILABLE', 'The caller has gone.');
    // What was kept may have been purged or replaced meanwhile.
    one.shared = undefined;
    const kept = isFailure(error) ? look(dependencies, one).entry : undefined;
    if (kept === undefined || one.freshness === 'gone') {
      recordFailure(caller.tally);
      throw error;
    }
    return record(caller, 'stale', toTotal(one.key, kept, one.stale));
  }
}

/** Refreshes what was answered stale, once the shared cache was asked whether another replica has done so. */
async function refresh(
  dependencies: SourceDependencies,
  stale: readonly Wanted[],
  caller: Caller,
): Promise<void> {
  await consultShared(dependencies, stale);
  for (const one of stale) {
    // Whether it succeeds is for the next request to see; what failed is in the log.
    if (one.freshness !== 'fresh') fly(dependencies, one, { ...caller, waitsOn: undefined }).catch(() => {});
  }
}

type Passenger = Caller & { waitsOn: AbortSignal | undefined };

/** Joins the flight for this key, or starts one that asks the upstream and keeps what it says. */
function fly(
  dependencies: SourceDependencies,
  { key, cacheKey, stamp }: Wanted,
  caller: Passenger,
): Promise<Entry> {
  const { upstream, freshness } = dependencies;
  const { flights, memory, shared } = dependencies.cache;
  const { tenant, requestId, tally, waitsOn } = caller;
  return flights.join(cacheKey, { member: tally, signal: waitsOn }, async ({ signal, since, party }) => {
    const onAttempt = () => {
      tally.upstreamCalls += 1;
    };
    try {
      const entry = await upstream.loadTotal(key, { tenant, requestId, party, signal, onAttempt });
      if (freshness.maxAgeMs > 0) memory.set(cacheKey, entry, since);
      if (stamp !== undefined) shared?.set(cacheKey, entry, stamp);
      return entry;
    } catch (error) {
      if (!isFailure(error)) {
        memory.delete(cacheKey);
        void shared?.delete(cacheKey);
      }
      throw error;
    }
  });
}

/**
 * Whether the upstream failed, rather than refused. A refusal (a 4xx other than 429) is the truth of now: an older
 * number must not stand in for it.
 */
function isFailure(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  const { upstreamStatus: status } = error;
  return status === undefined || status < 400 || status === 429 || status >= 500;
}

function toTotal(key: TotalKey, { quantity, asOfMs }: Entry, stale: boolean): Total {
  return { ...key, quantity, asOf: new Date(asOfMs), stale };
}

function record({ tally }: Caller, source: Source, total: Total): Total {
  recordTotal(tally, source, total);
  return total;
}

/** DataLoader takes an `Error` in a slot for that key's failure, and anything else for its value. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('A total failed with something that is no error', { cause: thrown });
}
