import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { parseJson } from '../text.ts';
import { type FreshnessSettings, toLifetimeMs } from './freshness.ts';
import { createPendingWrites } from './pendingWrites.ts';
import { noMarks, type Purges, type PurgeTarget, type PurgeVersion } from './purges.ts';
import { createSharedPurges, toCustomerPrefix, toMarkName } from './sharedPurges.ts';
import type { Entry, TotalKey } from './total.ts';

/** Longer than a call can take between reading a purge version and storing its number. */
const longestCallMs = 700_000;

type RedisLookup = { entry: Entry | undefined; version: PurgeVersion };

/** The cache that all replicas share. */
export type RedisCache = {
  /** One round trip for all keys; undefined if Redis is unavailable, and for keys whose purge is pending. */
  getMany: (keys: readonly TotalKey[]) => Promise<readonly (RedisLookup | undefined)[] | undefined>;
  /** Stores an entry under the version that was read before its number was requested. */
  set: (key: TotalKey, entry: Entry, version: PurgeVersion) => void;
  /** Deletes this entry alone. If Redis does not take it, the entry counts as missing until it does. */
  delete: (key: TotalKey) => void;
  /** Purges on all replicas; false if Redis has not taken it yet. */
  purge: (target: PurgeTarget) => Promise<boolean>;
  /** Tries once more to write what Redis has not taken. */
  flush: () => Promise<void>;
};

type RedisCacheSettings = {
  redis: Redis;
  freshness: FreshnessSettings;
  purges: Purges;
  emit: Emit;
} & Clock;

const storedEntry = z
  .tuple([z.number().nullable(), z.number().int(), z.number(), z.string().nullable(), z.string().nullable()])
  .transform(([quantity, asOfMs, lifetimeMs, ...version]) => ({ quantity, asOfMs, lifetimeMs, version }));

export function createRedisCache(settings: RedisCacheSettings): RedisCache {
  const { redis, monotonic } = settings;
  const lifetimeMs = toLifetimeMs(settings.freshness);
  const toLookup = createToLookup(settings);
  // Entries from before a write that was dropped may be ones that it concerned.
  let droppedAtMs = Number.NEGATIVE_INFINITY;
  const onDrop = () => {
    droppedAtMs = monotonic();
  };
  const sharedPurges = createSharedPurges({ ...settings, markTtlMs: lifetimeMs + longestCallMs, onDrop });
  const pendingDeletes = createPendingWrites<TotalKey>({
    write: async (key) => (await redis.insist.del(toEntryName(key))) !== undefined,
    onDrop,
  });
  redis.observe({ onWritable: () => void pendingDeletes.retry() });

  async function getMany(keys: readonly TotalKey[]) {
    const found = await read(redis, keys);
    return found && keys.map((key, n) => lookUp(key, found[n]));
  }

  function lookUp(key: TotalKey, found: Found | undefined): RedisLookup | undefined {
    if (sharedPurges.isPending(key)) return undefined;
    const lookup = toLookup(found);
    const isVoid = pendingDeletes.has(key.text) || (lookup.entry?.receivedAtMs ?? 0) <= droppedAtMs;
    return isVoid ? { ...lookup, entry: undefined } : lookup;
  }

  function set(key: TotalKey, { quantity, asOfMs, receivedAtMs }: Entry, version: PurgeVersion): void {
    const remainingMs = Math.ceil(receivedAtMs + lifetimeMs - monotonic());
    if (remainingMs <= 0) return;
    const value = JSON.stringify([quantity, asOfMs, lifetimeMs, ...version]);
    void redis.set(toEntryName(key), value, remainingMs);
  }

  async function flush(): Promise<void> {
    await Promise.all([sharedPurges.retry(), pendingDeletes.retry()]);
  }
  const remove = (key: TotalKey) => void pendingDeletes.write(key.text, key);
  return { getMany, set, delete: remove, purge: sharedPurges.purge, flush };
}

type Found = { values: readonly (string | null)[]; ttlMs: number };

/** One round trip: the client sends all commands of one turn together. */
async function read(redis: Redis, keys: readonly TotalKey[]): Promise<Found[] | undefined> {
  const [values, ttls] = await Promise.all([
    redis.mGet(keys.flatMap(toNames)),
    redis.pTtl(keys.map(toEntryName)),
  ]);
  return values && ttls?.map((ttlMs, n) => ({ values: values.slice(3 * n, 3 * n + 3), ttlMs }));
}

/** An entry that cannot be read or was stored under other versions counts as missing. */
function createToLookup({ now, monotonic }: RedisCacheSettings) {
  return (found: Found | undefined): RedisLookup => {
    const { values: [value, customerMark = null, pairMark = null] = [], ttlMs = 0 } = found ?? {};
    const version: PurgeVersion =
      customerMark === null && pairMark === null ? noMarks : [customerMark, pairMark];
    const stored = storedEntry.safeParse(typeof value === 'string' ? parseJson(value) : undefined);
    if (!stored.success) return { entry: undefined, version };
    const { quantity, asOfMs, lifetimeMs, version: storedVersion } = stored.data;
    if (storedVersion[0] !== version[0] || storedVersion[1] !== version[1])
      return { entry: undefined, version };
    const nowMs = now();
    // Steps of one of the clocks, those of both replicas and that of Redis, make no entry younger.
    const ageMs = Math.max(0, nowMs - asOfMs, lifetimeMs - ttlMs);
    // Clients see no number from the future, if the clock of the other replica is ahead.
    const shownAsOfMs = asOfMs > nowMs ? nowMs - ageMs : asOfMs;
    return { entry: { quantity, asOfMs: shownAsOfMs, receivedAtMs: monotonic() - ageMs }, version };
  };
}

function toNames(key: TotalKey): [entry: string, customerMark: string, pairMark: string] {
  return [toEntryName(key), toMarkName({ customerId: key.customerId }), toMarkName(key)];
}

function toEntryName({ customerId, scope, entitlementId, startDate, endDate }: TotalKey): string {
  return `${toCustomerPrefix(customerId)}:total:${scope}/${entitlementId}/${startDate ?? ''}/${endDate ?? ''}`;
}
