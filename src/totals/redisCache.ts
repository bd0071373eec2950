import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Redis, RedisClient } from '../redis/connection.ts';
import { parseJson } from '../text.ts';
import { type CacheKey, type Entry, type PurgeTarget, toKeyText, toPurgeName } from './key.ts';
import { createUntold } from './pendingPurges.ts';
import type { Purges } from './purges.ts';

// Another version of the gateway may use the same Redis: a change of form gets another number.
const prefix = 'zenskar-gateway:1';
const channel = `${prefix}:purge`;
/** Longer than a call can take between reading a purge's mark and keeping its number. */
const longestCallMs = 700_000;

/** By how much the clock of another replica may be ahead. */
const maxSkewMs = 5000;

/** The purges that a number has heard of. It is void once there are others. */
export type Stamp = readonly [customer: string | null, pair: string | null];

type Found = { entry: Entry | undefined; stamp: Stamp };

/** The part of the cache that all replicas share. */
export type Shared = {
  /** One round trip for all keys; undefined where Redis cannot be asked. */
  getMany: (keys: readonly CacheKey[]) => Promise<readonly (Found | undefined)[] | undefined>;
  /** Keeps an entry, under the stamp that was found before its number was asked for. */
  set: (key: CacheKey, entry: Entry, stamp: Stamp) => void;
  delete: (key: CacheKey) => Promise<void>;
  /** Forgets on all replicas; false where they cannot be told. */
  purge: (target: PurgeTarget) => Promise<boolean>;
};

type SharedSettings = {
  redis: Redis;
  /** How long after it was given a number may be of use. */
  lifetimeMs: number;
  purges: Purges;
  now: () => number;
};

const storedEntry = z
  .tuple([z.number().nullable(), z.number().int(), z.string().nullable(), z.string().nullable()])
  .transform(([quantity, asOfMs, ...stamp]) => ({ quantity, asOfMs, stamp }));
const purgeMessage = z.object({
  from: z.string(),
  customerId: z.string(),
  entitlementId: z.string().optional(),
});

export function createShared({ redis, lifetimeMs, purges, now }: SharedSettings): Shared {
  const self = randomUUID();
  const untold = createUntold();
  const onUp = () => {
    for (const target of untold.targets()) void purge(target);
  };
  redis.subscribe({ channel, onMessage, onListening: purges.doubt, onUp });

  function onMessage(text: string): void {
    const message = purgeMessage.safeParse(parseJson(text));
    if (message.success && message.data.from !== self) purges.purge(message.data);
  }

  async function getMany(keys: readonly CacheKey[]) {
    const names = keys.flatMap((key) => [
      entryName(key),
      purgeName({ customerId: key.customerId }),
      purgeName(key),
    ]);
    const values = await redis.run((client) => client.mGet(names));
    return (
      values && keys.map((key, n) => (untold.has(key) ? undefined : toFound(values.slice(3 * n), now())))
    );
  }

  function set(key: CacheKey, { quantity, asOfMs }: Entry, stamp: Stamp): void {
    const remainingMs = Math.ceil(asOfMs + lifetimeMs - now());
    if (remainingMs <= 0) return;
    const value = JSON.stringify([quantity, asOfMs, ...stamp]);
    void redis.run((client) =>
      client.set(entryName(key), value, { expiration: { type: 'PX', value: remainingMs } }),
    );
  }

  async function forget(key: CacheKey): Promise<void> {
    const done = await redis.run((client) => client.del(entryName(key)));
    if (done === undefined) untold.add(key);
  }

  async function purge(target: PurgeTarget): Promise<boolean> {
    untold.add(target);
    const mark = { expiration: { type: 'PX', value: lifetimeMs + longestCallMs } } as const;
    const message = JSON.stringify({ ...target, from: self });
    const tell = (client: RedisClient) =>
      Promise.all([client.set(purgeName(target), randomUUID(), mark), client.publish(channel, message)]);
    const done = await redis.run(tell, 'insist');
    if (done !== undefined) untold.remove(target);
    return done !== undefined;
  }
  return { getMany, set, delete: forget, purge };
}

/** What cannot be read, comes from the future, or has not heard of the last purge counts as not there. */
function toFound([value, ...marks]: readonly (string | null)[], nowMs: number): Found {
  const stamp: Stamp = [marks[0] ?? null, marks[1] ?? null];
  const stored = storedEntry.safeParse(typeof value === 'string' ? parseJson(value) : undefined);
  if (!stored.success) return { entry: undefined, stamp };
  const { quantity, asOfMs, stamp: heard } = stored.data;
  const isCurrent = heard[0] === stamp[0] && heard[1] === stamp[1] && asOfMs <= nowMs + maxSkewMs;
  // Another replica's clock may be a little ahead; no number is younger than new.
  return { entry: isCurrent ? { quantity, asOfMs: Math.min(asOfMs, nowMs) } : undefined, stamp };
}

function entryName(key: CacheKey): string {
  return `${prefix}:total:${toKeyText(key)}`;
}

function purgeName(target: PurgeTarget): string {
  return `${prefix}:purged:${toPurgeName(target)}`;
}
