import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Redis } from '../redis/redis.ts';
import { parseJson } from '../text.ts';
import { type FreshnessSettings, toLifetimeMs } from './freshness.ts';
import { createPendingPurges, type Purges, type PurgeTarget, toPurgeName } from './purges.ts';
import type { Entry, TotalKey } from './total.ts';

// Another version of the gateway may use the same Redis: a change of form gets another number.
const prefix = 'zenskar-gateway:1';
const channel = `${prefix}:purge`;
/** Longer than a call can take between reading a purge version and storing its number. */
const longestCallMs = 700_000;

/** The latest purges of a total when it was read. An entry that was stored under other versions is void. */
export type PurgeVersion = readonly [customer: string | null, pair: string | null];

type RedisLookup = { entry: Entry | undefined; version: PurgeVersion };

/** The cache that all replicas share. */
export type RedisCache = {
  /** One round trip for all keys; undefined if Redis is unavailable, and for keys whose purge is pending. */
  getMany: (keys: readonly TotalKey[]) => Promise<readonly (RedisLookup | undefined)[] | undefined>;
  /** Stores an entry under the version that was read before its number was requested. */
  set: (key: TotalKey, entry: Entry, version: PurgeVersion) => void;
  delete: (key: TotalKey) => Promise<void>;
  /** Purges on all replicas; false if Redis is unavailable. */
  purge: (target: PurgeTarget) => Promise<boolean>;
};

type RedisCacheSettings = {
  redis: Redis;
  freshness: FreshnessSettings;
  purges: Purges;
} & Clock;

const storedEntry = z
  .tuple([z.number().nullable(), z.number().int(), z.number(), z.string().nullable(), z.string().nullable()])
  .transform(([quantity, asOfMs, lifetimeMs, ...version]) => ({ quantity, asOfMs, lifetimeMs, version }));
const purgeMessage = z.object({
  from: z.string(),
  customerId: z.string(),
  entitlementId: z.string().optional(),
});

export function createRedisCache(settings: RedisCacheSettings): RedisCache {
  const { redis, purges, monotonic } = settings;
  const lifetimeMs = toLifetimeMs(settings.freshness);
  const toLookup = createToLookup(settings);
  const replicaId = randomUUID();
  const pendingPurges = createPendingPurges();
  const onWritable = () => {
    for (const target of pendingPurges.targets()) void purge(target);
  };
  redis.subscribe(channel, onMessage);
  redis.observe({ onHearing: purges.markMissedPurges, onWritable });

  function onMessage(text: string): void {
    const message = purgeMessage.safeParse(parseJson(text));
    if (message.success && message.data.from !== replicaId) purges.purge(message.data);
  }

  async function getMany(keys: readonly TotalKey[]) {
    const found = await read(redis, keys);
    return found && keys.map((key, n) => (pendingPurges.has(key) ? undefined : toLookup(found[n])));
  }

  function set(key: TotalKey, { quantity, asOfMs, receivedAtMs }: Entry, version: PurgeVersion): void {
    const remainingMs = Math.ceil(receivedAtMs + lifetimeMs - monotonic());
    if (remainingMs <= 0) return;
    const value = JSON.stringify([quantity, asOfMs, lifetimeMs, ...version]);
    void redis.set(entryName(key), value, remainingMs);
  }

  async function remove(key: TotalKey): Promise<void> {
    const deleted = await redis.del(entryName(key));
    if (deleted === undefined) pendingPurges.add(key);
  }

  async function purge(target: PurgeTarget): Promise<boolean> {
    pendingPurges.add(target);
    const message = JSON.stringify({ ...target, from: replicaId });
    const isMarked = await redis.insist.set(versionName(target), randomUUID(), lifetimeMs + longestCallMs);
    const isWritten = isMarked !== undefined && (await redis.insist.publish(channel, message)) !== undefined;
    if (isWritten) pendingPurges.delete(target);
    return isWritten;
  }
  return { getMany, set, delete: remove, purge };
}

type Found = { values: readonly (string | null)[]; ttlMs: number };

/** One round trip: the client sends all commands of one turn together. */
async function read(redis: Redis, keys: readonly TotalKey[]): Promise<Found[] | undefined> {
  const [values, ttls] = await Promise.all([
    redis.mGet(keys.flatMap(toNames)),
    redis.pTtl(keys.map(entryName)),
  ]);
  return values && ttls?.map((ttlMs, n) => ({ values: values.slice(3 * n, 3 * n + 3), ttlMs }));
}

/** An entry that cannot be read or was stored under other versions counts as missing. */
function createToLookup({ now, monotonic }: RedisCacheSettings) {
  return (found: Found | undefined): RedisLookup => {
    const { values: [value, ...versions] = [], ttlMs = 0 } = found ?? {};
    const version: PurgeVersion = [versions[0] ?? null, versions[1] ?? null];
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

function toNames(key: TotalKey): [entry: string, customerVersion: string, pairVersion: string] {
  return [entryName(key), versionName({ customerId: key.customerId }), versionName(key)];
}

function entryName(key: TotalKey): string {
  return `${prefix}:total:${key.text}`;
}

function versionName(target: PurgeTarget): string {
  return `${prefix}:purged:${toPurgeName(target)}`;
}
