import type { Redis } from '../redis/connection.ts';
import type { Emit } from '../telemetry/events.ts';
import type { LoadResult } from '../zenskar/policy.ts';
import type { PurgeTarget } from './key.ts';
import { createMemory, type Memory } from './memory.ts';
import { createPurges, type Purges } from './purges.ts';
import { createShared, type Shared } from './redisCache.ts';
import { createFlights, type Flights } from './singleFlight.ts';

export type Cache = {
  memory: Memory;
  /** Undefined where there is no Redis. */
  shared: Shared | undefined;
  flights: Flights<LoadResult>;
  purges: Purges;
  /** Forgets totals on all replicas; resolves to false where the others could not be told. */
  purge: (target: PurgeTarget) => Promise<boolean>;
};

type CacheSettings = {
  maxEntries: number;
  /** Shares totals and purges between replicas. */
  redis: Redis | undefined;
  /** How long after it was given a number may be of use; 0 keeps nothing. */
  lifetimeMs: number;
  emit: Emit;
  now: () => number;
};

/** What is remembered between requests, in this process and between replicas. */
export function createCache({ maxEntries, redis, lifetimeMs, emit, now }: CacheSettings): Cache {
  const purges = createPurges();
  const memory = createMemory(maxEntries, purges);
  const flights = createFlights<LoadResult>(purges);
  const isShared = redis !== undefined && lifetimeMs > 0;
  const shared = isShared ? createShared({ redis, lifetimeMs, purges, now }) : undefined;

  async function purge(target: PurgeTarget): Promise<boolean> {
    // Redis first: what is read from it until then still counts as older than the purge here.
    const everywhere = shared === undefined || (await shared.purge(target));
    purges.purge(target);
    emit({ type: 'purged', everywhere });
    return everywhere;
  }
  return { memory, shared, flights, purges, purge };
}
