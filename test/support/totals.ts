import { createTenant, type Tenant } from '../../src/auth/tenant.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createCache } from '../../src/totals/cache.ts';
import { type FreshnessSettings, toLifetimeMs } from '../../src/totals/freshness.ts';
import { createCacheKey, type PurgeTarget } from '../../src/totals/key.ts';
import { createTotalSource } from '../../src/totals/source.ts';
import { createLoadStats } from '../../src/totals/stats.ts';
import type { Total, TotalKey } from '../../src/totals/total.ts';
import { createPolicy } from '../../src/zenskar/policy.ts';
import type { AttemptOutcome, TotalParameters, ZenskarClient } from '../../src/zenskar/request.ts';

type Attempt = (parameters: TotalParameters, tenant: Tenant) => Promise<AttemptOutcome>;

/** All of the gateway between the resolvers and the HTTP client, on a clock of its own. */
export async function createTotals(attempt: Attempt, freshness: FreshnessSettings, breakerFailures = 1000) {
  const clock = { nowMs: 1_000_000 };
  const now = () => clock.nowMs;
  const emit = () => {};
  const client: ZenskarClient = {
    attempt: (parameters, { tenant }) => attempt(parameters, tenant),
    close: () => {},
  };
  const policy = createPolicy({
    client,
    attemptTimeoutMs: 1000,
    deadlineMs: 1000,
    retries: 0,
    concurrency: 64,
    breakerFailures,
    breakerResetMs: 1000,
    emit,
    now,
  });
  const cache = createCache({
    maxEntries: 1000,
    redis: undefined,
    lifetimeMs: toLifetimeMs(freshness),
    emit,
    now,
  });
  const source = createTotalSource({ cache, policy, freshness, now });

  async function load(key: TotalKey, tenant: Tenant): Promise<Total | Error> {
    const caller = {
      tenant,
      maySee: () => true,
      requestId: 'r',
      span: noSpan,
      signal: new AbortController().signal,
      stats: createLoadStats(),
    };
    const [total = new Error('no slot')] = await source.loadMany([createCacheKey(tenant.scope, key)], caller);
    return total;
  }
  return { clock, source, load, purge: (target: PurgeTarget) => cache.purge(target) };
}

export function tenantOf(name: string): Tenant {
  return createTenant({ apiKey: `key of ${name}`, organisation: 'same', url: 'same', apiVersion: undefined });
}

export function answerWith({ entitlementId, customerId }: TotalParameters, quantity: number): AttemptOutcome {
  const body = JSON.stringify({ entitlement: entitlementId, customer: customerId, quantity });
  return { kind: 'answered', status: 200, body, headers: { retryAfter: undefined, ids: {} } };
}

export function answerStatus(status: number): AttemptOutcome {
  return { kind: 'answered', status, body: '', headers: { retryAfter: undefined, ids: {} } };
}
