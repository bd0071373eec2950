import type { Span } from '../telemetry/tracing.ts';
import { type Freshness, type FreshnessSettings, toFreshness } from './freshness.ts';
import type { Memory, MemoryEntry } from './memory.ts';
import type { PurgeEpoch, Purges, PurgeVersion } from './purges.ts';
import type { RedisCache } from './redisCache.ts';
import type { Entry, TotalKey } from './total.ts';

/** What the memory held for one key. */
export type MemoryRead = { key: TotalKey; entry: Readonly<MemoryEntry> | undefined };

/** What was found for one key so far. */
export type Lookup = {
  readonly key: TotalKey;
  entry: Entry | undefined;
  /** Its purge may have been missed. */
  isSuspect: boolean;
  /** By its age, or because it is suspect. */
  stale: boolean;
  /** `revalidate` also for a fresh entry from before a time in which purges may have been missed. */
  freshness: Freshness;
  foundIn: 'memory' | 'redis';
  /** What Redis held; a small memory may have evicted it already. */
  redisEntry: Entry | undefined;
  /** Undefined until Redis is read, and if it is unavailable. */
  read: RedisRead | undefined;
};

/** The marks of purges in Redis, and an epoch at which they were not yet older. */
type RedisRead = { version: PurgeVersion; epoch: PurgeEpoch };

export type LookupDependencies = {
  freshness: FreshnessSettings;
  purges: Purges;
  memory: Memory;
  /** Undefined without Redis. */
  redisCache: RedisCache | undefined;
  singleFlight: { isInFlight: (key: TotalKey) => boolean };
  monotonic: () => number;
};

const roundTripAttributes = { 'db.system.name': 'redis', 'db.operation.name': 'MGET' };

export function startLookup(dependencies: LookupDependencies, { key, entry }: MemoryRead): Lookup {
  const empty = { entry: undefined, redisEntry: undefined, read: undefined } as const;
  const lookup: Lookup = {
    key,
    ...empty,
    isSuspect: false,
    stale: false,
    freshness: 'gone',
    foundIn: 'memory',
  };
  return update(dependencies, lookup, entry);
}

/** To be repeated after each wait, because other requests change the memory meanwhile. */
export function readMemoryAgain(dependencies: LookupDependencies, lookup: Lookup): Lookup {
  return update(dependencies, lookup, dependencies.memory.get(lookup.key));
}

function update(
  { purges, freshness, monotonic }: LookupDependencies,
  lookup: Lookup,
  stored: MemoryRead['entry'],
): Lookup {
  lookup.entry = stored ?? lookup.redisEntry;
  const nowMs = monotonic();
  const byAge =
    lookup.entry === undefined ? 'gone' : toFreshness(nowMs - lookup.entry.receivedAtMs, freshness);
  // Marks that were read for this request say whether a message was missed.
  const isVerified = stored === undefined || (lookup.read !== undefined && stored.epoch >= lookup.read.epoch);
  lookup.isSuspect = !isVerified && purges.mayHaveMissedPurge(stored.epoch, nowMs);
  lookup.stale = byAge !== 'fresh' || lookup.isSuspect;
  // Refreshed once: otherwise each request would cause a call while Redis is down.
  const isDue = byAge === 'fresh' && !isVerified && purges.isBeforeMissedPurges(stored.epoch);
  lookup.freshness = isDue ? 'revalidate' : byAge;
  return lookup;
}

export function needsUpstream({ freshness }: Lookup): boolean {
  return freshness === 'onError' || freshness === 'gone';
}

/** An entry that is stale by its age is served at once. Of a suspect one, Redis knows whether it was purged. */
export function needsRedis(lookup: Lookup): boolean {
  return needsUpstream(lookup) || lookup.isSuspect;
}

/** Reads all of them in one round trip, except those that are being loaded from the upstream already. */
export async function readRedis(
  dependencies: LookupDependencies,
  lookups: readonly Lookup[],
  span: Span,
): Promise<void> {
  const { redisCache, singleFlight, purges } = dependencies;
  const unread = lookups.filter(
    ({ read, isSuspect, key }) => read === undefined && (isSuspect || !singleFlight.isInFlight(key)),
  );
  if (redisCache === undefined || unread.length === 0) return;
  const epoch = purges.currentEpoch();
  const found = await readMany(redisCache, unread, span);
  unread.forEach((lookup, n) => {
    const { entry, version } = found?.[n] ?? {};
    if (version !== undefined) applyRead(dependencies, lookup, { entry, version, epoch });
  });
  for (const lookup of lookups) readMemoryAgain(dependencies, lookup);
}

/** Compares the memory with what Redis holds: its marks void older numbers, its entry may be newer. */
function applyRead(
  { memory, purges }: LookupDependencies,
  lookup: Lookup,
  { entry, version, epoch }: RedisRead & { entry: Entry | undefined },
): void {
  const { key } = lookup;
  lookup.read = { version, epoch };
  memory.verify(key, version, epoch);
  if (entry === undefined || purges.isPurged(key, epoch)) return;
  const stored = memory.get(key);
  if (stored === undefined || stored.receivedAtMs < entry.receivedAtMs) lookup.foundIn = 'redis';
  lookup.redisEntry = entry;
  memory.set(key, entry, { epoch, version });
}

async function readMany(redisCache: RedisCache, lookups: readonly Lookup[], span: Span) {
  const roundTrip = span.start('cache get', { kind: 'client', attributes: roundTripAttributes });
  const found = await redisCache.getMany(lookups.map(({ key }) => key));
  const hits = found?.filter((item) => item?.entry !== undefined).length;
  const failure = found === undefined ? 'unavailable' : undefined;
  roundTrip.end({ 'gateway.keys': lookups.length, 'gateway.found': hits, 'error.type': failure });
  return found;
}
