import type { Tenant } from '../auth/tenant.ts';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Span } from '../telemetry/tracing.ts';
import type { LoadResult, Policy } from '../zenskar/policy.ts';
import { type FreshnessSettings, toFreshness, toLifetimeMs } from './freshness.ts';
import {
  type Lookup,
  type LookupDependencies,
  type MemoryRead,
  needsRedis,
  needsUpstream,
  readMemoryAgain,
  readRedis,
  startLookup,
} from './lookup.ts';
import { createMemory } from './memory.ts';
import { createPurges, type PurgeTarget } from './purges.ts';
import { createRedisCache } from './redisCache.ts';
import { createRefreshBackoff, type RefreshBackoff } from './refreshBackoff.ts';
import { createSingleFlight, createWaiter, type SingleFlight, type Waiter } from './singleFlight.ts';
import { countFailure, countTotal, countWait, type LoadStats, type Source } from './stats.ts';
import { type Total, type TotalKey, toTotal } from './total.ts';

/** The request that totals are loaded for. */
export type Requester = {
  tenant: Tenant;
  maySee: (customerId: string) => boolean;
  requestId: string;
  /** The parent of all spans of its totals. */
  span: Span;
  signal: AbortSignal;
  stats: LoadStats;
};

export type TotalSource = {
  readMemory: (key: TotalKey) => MemoryRead;
  /** The total if the entry is fresh and its purge cannot have been missed. Synchronous, without I/O. */
  getFresh: (read: MemoryRead, requester: Requester) => Total | undefined;
  /** A total or an error for each key, in order. */
  loadMany: (reads: readonly MemoryRead[], requester: Requester) => Promise<(Total | Error)[]>;
  /** Purges on all replicas; resolves to false if Redis has not taken the purge yet. */
  purge: (target: PurgeTarget) => Promise<boolean>;
  /** The returned function says whether one of these totals was, or may have been, purged between this call and now. */
  watchPurges: () => (totals: readonly Total[], nowMs: number) => boolean;
  /** Tries once more to write purges that Redis has not taken, before the gateway stops. */
  flush: () => Promise<void>;
};

type TotalSourceSettings = {
  policy: Policy;
  /** Shares totals and purges between replicas. */
  redis: Redis | undefined;
  freshness: FreshnessSettings;
  maxEntries: number;
  emit: Emit;
} & Clock;

type Dependencies = LookupDependencies & {
  policy: Policy;
  singleFlight: SingleFlight<LoadResult>;
  backoff: RefreshBackoff;
};

/** `waiter.span` is the span of the batch. */
type Batch = { requester: Requester; waiter: Waiter };

/** Reads the memory, then Redis, then the upstream, and decides by its age whether a cached total may be returned. */
export function createTotalSource(settings: TotalSourceSettings): TotalSource {
  const dependencies = createDependencies(settings);
  const { purges, redisCache, memory, freshness, monotonic } = dependencies;

  function getFresh({ key, entry }: MemoryRead, { stats }: Requester): Total | undefined {
    if (entry === undefined) return undefined;
    const nowMs = monotonic();
    if (purges.mayHaveMissedPurge(entry.epoch, nowMs)) return undefined;
    if (toFreshness(nowMs - entry.receivedAtMs, freshness) !== 'fresh') return undefined;
    return count(stats, 'memory', toTotal(key, entry, false));
  }

  async function purge(target: PurgeTarget): Promise<boolean> {
    // Redis first: entries that are read from it until then still count as older than the purge here.
    const everywhere = redisCache === undefined || (await redisCache.purge(target));
    purges.purge(target);
    settings.emit({ type: 'purged', everywhere });
    return everywhere;
  }

  function watchPurges() {
    const epoch = purges.currentEpoch();
    return (totals: readonly Total[], nowMs: number) =>
      purges.mayHaveMissedPurge(epoch, nowMs) ||
      (purges.currentEpoch() !== epoch && totals.some((total) => purges.isPurged(total, epoch)));
  }
  return {
    readMemory: (key) => ({ key, entry: memory.get(key) }),
    getFresh,
    loadMany: (reads, requester) => loadMany(dependencies, reads, requester),
    purge,
    watchPurges,
    flush: async () => redisCache?.flush(),
  };
}

function createDependencies({ redis, maxEntries, emit, ...settings }: TotalSourceSettings): Dependencies {
  const { freshness, monotonic } = settings;
  const lifetimeMs = toLifetimeMs(freshness);
  const shared = lifetimeMs > 0 ? redis : undefined;
  const purges = createPurges({ hearsUntilMs: shared?.hearsUntilMs });
  const memory = createMemory(maxEntries, purges);
  const redisCache = shared && createRedisCache({ redis: shared, purges, emit, ...settings });
  const onSkip = () => emit({ type: 'refreshSkipped' });
  const backoff = createRefreshBackoff({ maxEntries, monotonic, onSkip });
  const singleFlight = createSingleFlight<LoadResult>(purges);
  return { ...settings, purges, memory, redisCache, singleFlight, backoff };
}

async function loadMany(
  dependencies: Dependencies,
  reads: readonly MemoryRead[],
  requester: Requester,
): Promise<(Total | Error)[]> {
  const span = requester.span.start('totals batch', { attributes: { 'gateway.keys': reads.length } });
  const lookups = reads.map((read) => startLookup(dependencies, read));
  const batch = { requester, waiter: createWaiter({ requester, span, signal: requester.signal }) };
  try {
    // If one total has to wait for Redis, all that are not fresh are read in the same round trip.
    if (lookups.some(needsRedis))
      await readRedis(
        dependencies,
        lookups.filter(({ stale }) => stale),
        span,
      );
    const totals = lookups.map((lookup) => resolveLookup(dependencies, lookup, batch));
    const stale = lookups.filter(({ freshness }) => freshness === 'revalidate');
    if (stale.length > 0) void refresh(dependencies, stale, batch);
    return await Promise.all(totals);
  } finally {
    span.end();
  }
}

function resolveLookup(
  dependencies: Dependencies,
  lookup: Lookup,
  batch: Batch,
): Total | Promise<Total | Error> {
  const { key, entry, stale, foundIn } = lookup;
  const { stats } = batch.requester;
  if (entry === undefined || (needsUpstream(lookup) && mayRefresh(dependencies, lookup)))
    return fetchTotal(dependencies, lookup, batch);
  if (lookup.freshness === 'revalidate') stats.isRevalidating = true;
  return count(stats, stale ? 'stale' : foundIn, toTotal(key, entry, stale));
}

/** False for a total that may be served and whose last refresh has just failed. */
function mayRefresh({ backoff }: Dependencies, { key, freshness }: Lookup): boolean {
  return freshness === 'gone' || backoff.mayRefresh(key);
}

/** Loads from the upstream, and serves a cached total if the upstream fails. */
async function fetchTotal(dependencies: Dependencies, lookup: Lookup, batch: Batch): Promise<Total | Error> {
  const { key } = lookup;
  const { stats, signal } = batch.requester;
  const startedMs = dependencies.monotonic();
  const { joined, epoch, result } = loadOnce(dependencies, lookup, batch);
  const loaded = await result.catch(toFailure);
  const endedMs = dependencies.monotonic();
  countWait(stats, endedMs - startedMs);
  if (loaded.ok) {
    // The number may have been requested, and purged, before this request.
    const isSuspect = joined && dependencies.purges.mayHaveMissedPurge(epoch, endedMs);
    const source = joined ? 'inflight' : 'upstream';
    return count(stats, isSuspect ? 'stale' : source, toTotal(key, loaded, isSuspect));
  }
  if (signal.aborted) return new AppError('UPSTREAM_UNAVAILABLE', 'The caller has gone.');
  // A total that was read before may have been purged or replaced meanwhile.
  lookup.redisEntry = undefined;
  lookup.read = undefined;
  const entry = loaded.mayServeStale ? readMemoryAgain(dependencies, lookup).entry : undefined;
  if (entry !== undefined && lookup.freshness !== 'gone')
    return count(stats, 'stale', toTotal(key, entry, lookup.stale));
  countFailure(stats);
  return loaded.error;
}

/** Joins the flight of this key, or starts one that asks the upstream and caches its answer. */
function loadOnce(dependencies: Dependencies, { key, entry, read }: Lookup, { requester, waiter }: Batch) {
  const { policy, freshness, purges, memory, redisCache, singleFlight, backoff } = dependencies;
  const { tenant, requestId, stats } = requester;
  return singleFlight.loadOnce(key, waiter, async ({ signal, epoch, waiters }) => {
    const context = { tenant, requestId, span: waiter.span, waiters, signal };
    const loaded = await policy.loadTotal(key, context);
    stats.upstreamCalls += loaded.attempts;
    // Without an attempt, the circuit, a pause or the queue has spared the upstream already.
    const isFailedRefresh = entry !== undefined && loaded.attempts > 0 && !signal.aborted;
    if (loaded.ok) {
      if (freshness.maxAgeMs > 0) memory.set(key, loaded, { epoch, version: read?.version });
      // A purge that was received meanwhile may be missing in a Redis that has lost its data.
      if (read !== undefined && !purges.isPurged(key, epoch)) redisCache?.set(key, loaded, read.version);
      backoff.reset(key);
    } else if (loaded.mayServeStale) {
      if (isFailedRefresh) backoff.recordFailure(key);
    } else {
      backoff.reset(key);
      memory.delete(key);
      redisCache?.delete(key);
    }
    return loaded;
  });
}

/** Refreshes stale totals behind the response, unless Redis shows that another replica has done so. */
async function refresh(dependencies: Dependencies, stale: readonly Lookup[], batch: Batch): Promise<void> {
  const { requester } = batch;
  // The span of the batch ends before this work does, and then accepts no links.
  const span = batch.waiter.span.start('totals refresh', { attributes: { 'gateway.keys': stale.length } });
  const waiter = createWaiter({ requester, span, signal: undefined });
  await readRedis(dependencies, stale, span);
  const flights = stale
    .filter((lookup) => lookup.freshness !== 'fresh' && mayRefresh(dependencies, lookup))
    .map((lookup) => loadOnce(dependencies, lookup, { requester, waiter }).result);
  // The next request sees the result; failures are in the log.
  await Promise.allSettled(flights);
  span.end();
}

function count(stats: LoadStats, source: Source, total: Total): Total {
  countTotal(stats, source, total);
  return total;
}

/** DataLoader takes an `Error` in a slot for the failure of its key. */
function toFailure(thrown: unknown) {
  const error =
    thrown instanceof Error
      ? thrown
      : new Error('A total failed with a value that is not an Error', { cause: thrown });
  return { ok: false, mayServeStale: false, error } as const;
}
