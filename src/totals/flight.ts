import type { Tenant } from '../auth/tenant.ts';
import { AppError } from '../errors.ts';
import type { Span } from '../telemetry/tracing.ts';
import type { Upstream } from '../zenskar/policy.ts';
import type { Cache } from './cache.ts';
import type { FreshnessSettings } from './freshness.ts';
import type { CacheKey, Entry } from './key.ts';
import type { Stamp } from './redisCache.ts';
import type { LoadStats } from './stats.ts';

/** The request on whose behalf totals are loaded. */
export type Caller = {
  tenant: Tenant;
  maySee: (customerId: string) => boolean;
  requestId: string;
  /** What loading them is a part of. */
  span: Span;
  signal: AbortSignal;
  stats: LoadStats;
};

export type SourceDependencies = {
  cache: Cache;
  upstream: Upstream;
  freshness: FreshnessSettings;
  now: () => number;
};

export type Passenger = Caller & { waitsOn: AbortSignal | undefined };

/** Joins the flight for this key, or starts one that asks the upstream and keeps what it says. */
export function fly(
  dependencies: SourceDependencies,
  { key, stamp }: { key: CacheKey; stamp: Stamp | undefined },
  caller: Passenger,
): Promise<Entry> {
  const { upstream, freshness } = dependencies;
  const { flights, memory, shared } = dependencies.cache;
  const { tenant, requestId, span, stats, waitsOn } = caller;
  return flights.join(key, { member: stats, signal: waitsOn, span }, async ({ signal, since, waiters }) => {
    const onAttempt = () => {
      stats.upstreamCalls += 1;
    };
    try {
      const entry = await upstream.loadTotal(key, { tenant, requestId, span, waiters, signal, onAttempt });
      if (freshness.maxAgeMs > 0) memory.set(key, entry, since);
      if (stamp !== undefined) shared?.set(key, entry, stamp);
      return entry;
    } catch (error) {
      if (!isFailure(error)) {
        memory.delete(key);
        void shared?.delete(key);
      }
      throw error;
    }
  });
}

/**
 * Whether the upstream failed, rather than refused. A refusal (a 4xx other than 429) is the truth of now: an older
 * number must not stand in for it.
 */
export function isFailure(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  const { upstreamStatus: status } = error;
  return status === undefined || status < 400 || status === 429 || status >= 500;
}
