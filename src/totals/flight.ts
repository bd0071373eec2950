import type { Tenant } from '../auth/tenant.ts';
import type { Span } from '../telemetry/tracing.ts';
import type { LoadResult, Policy } from '../zenskar/policy.ts';
import type { Cache } from './cache.ts';
import type { FreshnessSettings } from './freshness.ts';
import type { CacheKey } from './key.ts';
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
  policy: Policy;
  freshness: FreshnessSettings;
  now: () => number;
};

export type Passenger = Caller & { waitsOn: AbortSignal | undefined };

/** Joins the flight for this key, or starts one that asks the upstream and keeps what it says. */
export function fly(
  dependencies: SourceDependencies,
  { key, stamp }: { key: CacheKey; stamp: Stamp | undefined },
  caller: Passenger,
): Promise<LoadResult> {
  const { policy, freshness } = dependencies;
  const { flights, memory, shared } = dependencies.cache;
  const { tenant, requestId, span, stats, waitsOn } = caller;
  return flights.join(key, { member: stats, signal: waitsOn, span }, async ({ signal, since, waiters }) => {
    const result = await policy.loadTotal(key, { tenant, requestId, span, waiters, signal });
    stats.upstreamCalls += result.attempts;
    if (result.ok) {
      if (freshness.maxAgeMs > 0) memory.set(key, result, since);
      if (stamp !== undefined) shared?.set(key, result, stamp);
    } else if (!result.mayServeStale) {
      memory.delete(key);
      void shared?.delete(key);
    }
    return result;
  });
}
