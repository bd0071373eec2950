import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { TenantScope } from '../auth/tenant.ts';
import { maxPauseMs, type Pause } from './callPause.ts';

/** A pause as processes share it. The tenant is a hash. */
export type SharedPause = Pause & { tenant: TenantScope };

/** Shares pauses with other processes. Messages may be lost, repeated or late. */
export type PauseChannel = {
  share: (pause: SharedPause) => void;
  /** To be called once, before messages are received. */
  listen: (onPause: (pause: SharedPause) => void) => void;
};

/** Of what other processes send, only valid pauses are taken. */
export const sharedPause = z.object({
  tenant: z
    .string()
    .regex(/^[\w-]{22}$/)
    .transform((hash) => hash as TenantScope),
  kind: z.enum(['rateLimitPause', 'failurePause']),
  remainingMs: z.number().positive(),
  growth: z.int().min(0),
});

/** Shares pauses on all of these channels. */
export function combineChannels(channels: readonly (PauseChannel | undefined)[]): PauseChannel {
  return {
    share(pause) {
      for (const channel of channels) channel?.share(pause);
    },
    listen(onPause) {
      for (const channel of channels) channel?.listen(onPause);
    },
  };
}

/** As many as tenants have a policy. */
export const maxRememberedPauses = 1000;

/** Remembers the longest pause of each tenant until it ends, for processes that ask later. */
export type PauseMemory = {
  remember: (pause: SharedPause) => void;
  /** With the time that remains of each. */
  current: () => SharedPause[];
};

export function createPauseMemory(monotonic: () => number): PauseMemory {
  // By default, lru-cache keeps the time that it read for a millisecond.
  const pauses = new LRUCache<TenantScope, SharedPause>({
    max: maxRememberedPauses,
    perf: { now: monotonic },
    ttlResolution: 0,
  });
  return {
    remember(pause) {
      const ttl = Math.ceil(Math.min(pause.remainingMs, maxPauseMs));
      if (ttl > pauses.getRemainingTTL(pause.tenant)) pauses.set(pause.tenant, pause, { ttl });
    },
    current: () =>
      [...pauses.values()]
        .map((pause) => ({ ...pause, remainingMs: pauses.getRemainingTTL(pause.tenant) }))
        .filter(({ remainingMs }) => remainingMs > 0),
  };
}
