import type { Emit } from '../telemetry/events.ts';
import { createFlights, type Flights } from './flights.ts';
import type { Entry, PurgeTarget } from './key.ts';
import { createMemory, type Memory } from './memory.ts';
import { createPurges, type Purges } from './purges.ts';
import type { Shared } from './shared.ts';

export type Cache = {
  memory: Memory;
  /** Undefined where there is no Redis. */
  shared: Shared | undefined;
  flights: Flights<Entry>;
  purges: Purges;
  /** Forgets totals on all replicas; resolves to false where the others could not be told. */
  purge: (target: PurgeTarget) => Promise<boolean>;
  start: () => void;
  stop: () => void;
};

type CacheSettings = {
  maxEntries: number;
  redisUrl: string | undefined;
  /** How long after it was given a number may be of use; 0 keeps nothing. */
  lifetimeMs: number;
  emit: Emit;
  now: () => number;
};

/** What is remembered between requests, in this process and between replicas. */
export async function createCache(settings: CacheSettings): Promise<Cache> {
  const purges = createPurges();
  const memory = createMemory(settings.maxEntries, purges);
  const flights = createFlights<Entry>(purges);
  const shared = await loadShared(settings, purges);
  const { emit } = settings;

  async function purge(target: PurgeTarget): Promise<boolean> {
    // Redis first: what is read from it until then still counts as older than the purge here.
    const everywhere = shared === undefined || (await shared.purge(target));
    purges.purge(target);
    emit({ type: 'purged', everywhere });
    return everywhere;
  }
  return {
    memory,
    shared,
    flights,
    purges,
    purge,
    start: () => shared?.start(),
    stop: () => shared?.stop(),
  };
}

/** The Redis client takes a fifth of the start and 30 MiB (measured); whoever has no Redis need not pay for it. */
async function loadShared({ redisUrl: url, lifetimeMs, emit, now }: CacheSettings, purges: Purges) {
  if (url === undefined || lifetimeMs === 0) return undefined;
  const { createShared } = await import('./shared.ts');
  return createShared({ url, lifetimeMs, purges, emit, now });
}
