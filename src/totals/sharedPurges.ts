import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { prefix, type Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { parseJson } from '../text.ts';
import { createPendingWrites } from './pendingWrites.ts';
import { createPreviousRelease } from './previousRelease.ts';
import { deleteOldest, type Purges, type PurgeTarget, purgeTarget, toPurgeName } from './purges.ts';

const channel = `${prefix}:purge`;
/** A failover loses the latest writes. Purges of this time before an interruption are written again after it. */
const rewriteMs = 10_000;
const maxRecent = 10_000;

const purgeMessage = purgeTarget.extend({ from: z.string() });

/** Purges on all replicas: a mark in Redis for each target, and a message for those that hear it. */
export type SharedPurges = {
  /** False if Redis has not taken it yet. It is tried again until Redis has. */
  purge: (target: PurgeTarget) => Promise<boolean>;
  /** Whether a purge of this pair is not in Redis, or may be no longer. Entries of Redis count as missing until it is. */
  isPending: (pair: Required<PurgeTarget>) => boolean;
  retry: () => Promise<void>;
};

type SharedPurgesSettings = {
  redis: Redis;
  purges: Purges;
  emit: Emit;
  monotonic: () => number;
  /** How long a mark must be kept. */
  markTtlMs: number;
  /** A purge will not be written. */
  onDrop: () => void;
};

export function createSharedPurges(settings: SharedPurgesSettings): SharedPurges {
  const { redis, purges, emit, monotonic } = settings;
  const recent = createRecent(monotonic);
  const writePurge = createWritePurge(settings, purgeHere);
  const pending = createPendingWrites<PurgeTarget>({
    write: async (target) => {
      const isWritten = await writePurge(target);
      if (isWritten) recent.add(target);
      return isWritten;
    },
    onCount: (count) => emit({ type: 'purgesPending', count }),
    onDrop: settings.onDrop,
  });
  redis.observe({
    onHearing(isHearing) {
      purges.markMissedPurges();
      if (isHearing) recent.take().forEach(purgeHere);
    },
    onWritable: () => void pending.retry(),
  });
  emit({ type: 'purgesPending', count: 0 });

  /** Purges in this process. The others follow with the next retry. */
  function purgeHere({ customerId, entitlementId }: PurgeTarget): void {
    const target = { customerId, entitlementId };
    purges.purge(target);
    pending.add(toPurgeName(target), target);
  }

  function purge({ customerId, entitlementId }: PurgeTarget): Promise<boolean> {
    const target = { customerId, entitlementId };
    return pending.write(toPurgeName(target), target);
  }

  function isPending(pair: Required<PurgeTarget>): boolean {
    const names = [pair.customerId, toPurgeName(pair)];
    return names.some(pending.has) || (monotonic() > redis.hearsUntilMs() && names.some(recent.has));
  }
  return { purge, isPending, retry: pending.retry };
}

/** Receives the purges of other replicas, and returns the function that writes those of this one. */
function createWritePurge(
  { redis, purges, markTtlMs }: SharedPurgesSettings,
  onPreviousRelease: (target: PurgeTarget) => void,
) {
  const replicaId = randomUUID();
  const previousRelease = createPreviousRelease(redis, onPreviousRelease);
  redis.subscribe(channel, (text) => {
    const message = purgeMessage.safeParse(parseJson(text));
    if (message.success && message.data.from !== replicaId) purges.purge(message.data);
  });

  /** The marks first: a replica that receives the message must not find the old entry valid. */
  return async (target: PurgeTarget): Promise<boolean> => {
    const mark = randomUUID();
    const marked = await Promise.all([
      redis.insist.set(toMarkName(target), mark, markTtlMs),
      previousRelease.setMark(target, mark, markTtlMs),
    ]);
    if (marked.includes(undefined)) return false;
    const message = { ...target, from: replicaId };
    const published = await Promise.all([
      redis.insist.publish(channel, JSON.stringify(message)),
      previousRelease.publish(message),
    ]);
    return !published.includes(undefined);
  };
}

/** The key of a mark. In a cluster, it is in the same slot as the entries of its customer. */
export function toMarkName({ customerId, entitlementId }: PurgeTarget): string {
  const mark = `${toCustomerPrefix(customerId)}:purged`;
  return entitlementId === undefined ? mark : `${mark}:${entitlementId}`;
}

export function toCustomerPrefix(customerId: string): string {
  return `${prefix}:{${customerId}}`;
}

/** Purges of the last seconds. */
function createRecent(monotonic: () => number) {
  const all = new Map<string, { target: PurgeTarget; writtenAtMs: number }>();

  function add(target: PurgeTarget): void {
    const name = toPurgeName(target);
    all.delete(name);
    all.set(name, { target, writtenAtMs: monotonic() });
    if (all.size > maxRecent) deleteOldest(all);
  }

  const has = (name: string) =>
    (all.get(name)?.writtenAtMs ?? Number.NEGATIVE_INFINITY) >= monotonic() - rewriteMs;

  function take(): PurgeTarget[] {
    const taken = [...all].filter(([name]) => has(name));
    all.clear();
    return taken.map(([, { target }]) => target);
  }
  return { add, has, take };
}
