import { z } from 'zod';
import type { Redis } from '../redis/redis.ts';
import { parseJson } from '../text.ts';
import { type PurgeTarget, purgeTarget, toPurgeName } from './purges.ts';

// The form of release 0.1, with which this release shares a Redis during a rollout. Entries live apart; purges reach both.
const prefix = 'zenskar-gateway:1';
const channel = `${prefix}:purge`;

/** Messages of this release on the channel of the previous one, which ignores the member `release`. */
const purgeMessage = purgeTarget.extend({ release: z.number().optional() });

export type PreviousRelease = {
  setMark: (target: PurgeTarget, mark: string, ttlMs: number) => Promise<unknown>;
  publish: (message: PurgeTarget & { from: string }) => Promise<unknown>;
};

/** Purges of and for replicas of the previous release. `onPurge`: one of them has purged. */
export function createPreviousRelease(redis: Redis, onPurge: (target: PurgeTarget) => void): PreviousRelease {
  redis.subscribe(channel, (text) => {
    const message = purgeMessage.safeParse(parseJson(text));
    if (message.success && message.data.release === undefined) onPurge(message.data);
  });
  return {
    setMark: (target, mark, ttlMs) =>
      redis.insist.set(`${prefix}:purged:${toPurgeName(target)}`, mark, ttlMs),
    publish: (message) => redis.insist.publish(channel, JSON.stringify({ ...message, release: 2 })),
  };
}
