import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Emit } from '../telemetry/events.ts';
import { type CacheKey, type Entry, type PurgeTarget, toPurgeName } from './key.ts';
import type { Purges } from './purges.ts';
import { createRedis } from './redis.ts';

// Another version of the gateway may use the same Redis: a change of form gets another number.
const prefix = 'zenskar-gateway:1';
const channel = `${prefix}:purge`;
/** Longer than a call can take between reading a purge's mark and keeping its number. */
const longestCallMs = 700_000;

/** The purges that a number has heard of. It is void once there are others. */
export type Stamp = readonly [customer: string | null, pair: string | null];

type Found = { entry: Entry | undefined; stamp: Stamp };

/** The part of the cache that all replicas share. */
export type Shared = {
  /** One round trip for all keys; undefined where Redis cannot be asked. */
  getMany: (keys: readonly CacheKey[]) => Promise<readonly Found[] | undefined>;
  /** Keeps an entry, under the stamp that was found before its number was asked for. */
  set: (key: CacheKey, entry: Entry, stamp: Stamp) => void;
  delete: (key: CacheKey) => void;
  /** Forgets on all replicas; false where they cannot be told. */
  purge: (target: PurgeTarget) => Promise<boolean>;
  start: () => void;
  stop: () => void;
};

type SharedSettings = {
  url: string;
  /** How long after it was given a number may be of use. */
  lifetimeMs: number;
  purges: Purges;
  emit: Emit;
  now: () => number;
};

const storedEntry = z
  .tuple([z.number().nullable(), z.number(), z.string().nullable(), z.string().nullable()])
  .transform(([quantity, asOfMs, ...stamp]) => ({ quantity, asOfMs, stamp }));
const purgeMessage = z.object({
  from: z.string(),
  customerId: z.string(),
  entitlementId: z.string().optional(),
});

export function createShared({ url, lifetimeMs, purges, emit, now }: SharedSettings): Shared {
  const self = randomUUID();
  const redis = createRedis({ url, channel, onMessage, onListening: purges.doubt, emit, now });

  function onMessage(text: string): void {
    const message = purgeMessage.safeParse(parseJson(text));
    if (message.success && message.data.from !== self) purges.purge(message.data);
  }

  async function getMany(keys: readonly CacheKey[]): Promise<readonly Found[] | undefined> {
    const names = keys.flatMap((key) => [
      entryName(key),
      purgeName({ customerId: key.customerId }),
      purgeName(key),
    ]);
    const values = await redis.run((client) => client.mGet(names));
    return (
      values &&
      keys.map((_, n) => toFound(values[3 * n], [values[3 * n + 1] ?? null, values[3 * n + 2] ?? null]))
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

  async function purge(target: PurgeTarget): Promise<boolean> {
    const expiration = { type: 'PX', value: lifetimeMs + longestCallMs } as const;
    const message = JSON.stringify({ from: self, ...target });
    const done = await redis.run((client) =>
      Promise.all([
        client.set(purgeName(target), randomUUID(), { expiration }),
        client.publish(channel, message),
      ]),
    );
    return done !== undefined;
  }

  const forget = (key: CacheKey) => void redis.run((client) => client.del(entryName(key)));
  return { getMany, set, delete: forget, purge, start: redis.start, stop: redis.stop };
}

/** What cannot be read, or has not heard of the last purge, counts as not there. */
function toFound(value: string | null | undefined, stamp: Stamp): Found {
  const stored = storedEntry.safeParse(typeof value === 'string' ? parseJson(value) : undefined);
  if (!stored.success) return { entry: undefined, stamp };
  const { quantity, asOfMs, stamp: heard } = stored.data;
  const isCurrent = heard[0] === stamp[0] && heard[1] === stamp[1];
  return { entry: isCurrent ? { quantity, asOfMs } : undefined, stamp };
}

function entryName(key: CacheKey): string {
  return `${prefix}:total:${key.text}`;
}

function purgeName(target: PurgeTarget): string {
  return `${prefix}:purged:${toPurgeName(target)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
