import { createTenant, type Tenant } from '../../src/auth/tenant.ts';
import type { Redis } from '../../src/redis/redis.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import type { FreshnessSettings } from '../../src/totals/freshness.ts';
import { createTotalSource, type Requester } from '../../src/totals/source.ts';
import { createLoadStats } from '../../src/totals/stats.ts';
import { type Total, type TotalArguments, toTotalKey } from '../../src/totals/total.ts';
import { createPolicy } from '../../src/zenskar/policy.ts';
import type { AttemptOutcome, TotalParameters, ZenskarClient } from '../../src/zenskar/request.ts';

type Attempt = (parameters: TotalParameters, tenant: Tenant) => Promise<AttemptOutcome>;

/** `nowMs` is monotonic; the wall clock is ahead of it by `jumpedMs`. */
type TestClock = { nowMs: number; jumpedMs: number };

type Options = { breakerFailures?: number; redis?: Redis; clock?: TestClock };

/** The gateway from the totals to the HTTP client, on a clock of its own. */
export async function createTotals(attempt: Attempt, freshness: FreshnessSettings, options: Options = {}) {
  const { breakerFailures = 1000, redis, clock = { nowMs: 1_000_000, jumpedMs: 0 } } = options;
  const monotonic = () => clock.nowMs;
  const now = () => clock.nowMs + clock.jumpedMs;
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
    credentialsOwner: 'gateway',
    concurrency: 64,
    breakerFailures,
    breakerResetMs: 1000,
    emit,
    now,
    monotonic,
  });
  const source = createTotalSource({
    policy,
    redis,
    freshness,
    maxEntries: 1000,
    emit,
    now,
    monotonic,
  });

  async function load(asked: TotalArguments, tenant: Tenant): Promise<Total | Error> {
    const read = source.readMemory(toTotalKey(tenant.scope, asked));
    const [total = new Error('no slot')] = await source.loadMany([read], requesterOf(tenant));
    return total;
  }
  return { clock, source, load, purge: source.purge };
}

/** A request of this tenant that may see every customer, without a trace. */
export function requesterOf(tenant: Tenant): Requester {
  return {
    tenant,
    maySee: () => true,
    requestId: 'r',
    span: noSpan,
    signal: new AbortController().signal,
    stats: createLoadStats(),
  };
}

export function tenantOf(name: string): Tenant {
  return createTenant({ apiKey: `key of ${name}`, organisation: 'same', url: 'same', apiVersion: undefined });
}

export function answerWith({ entitlementId, customerId }: TotalParameters, quantity: number): AttemptOutcome {
  const body = JSON.stringify({ entitlement: entitlementId, customer: customerId, quantity });
  return { kind: 'answered', status: 200, body, headers: { retryAfter: undefined, ids: {} } };
}

/** A status with Zenskar's JSON, or with the page of another layer. */
export function answerStatus(status: number, body = '{"detail":"x"}'): AttemptOutcome {
  return { kind: 'answered', status, body, headers: { retryAfter: undefined, ids: {} } };
}
