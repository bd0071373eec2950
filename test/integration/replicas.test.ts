import { expect, it } from '@jest/globals';
import { type Gateway, useReplicas } from '../support/gateway.ts';
import { entitlement, expectedQuantity, idOf } from '../support/ids.ts';
import { describeWithRedisOrCluster } from '../support/redis.ts';

const purgeToken = 'purge-token-0123456789';
const freshMs = 5000;
const tickMs = 50;
const ticks = 200;
/** Each replica asks once a tick: 200 calls a second if none of them shared its numbers. */
const callsPerSecond = 50;
const customers = Array.from({ length: 100 }, (_, n) => idOf(n));
const query = `query ($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity stale }
}`;

type Ask = { replica: Gateway; customerId: string };

/** Asks until the total is no longer stale, so that the refresh behind the first answer has ended. */
async function askUntilFresh({ replica, customerId }: Ask): Promise<void> {
  for (;;) {
    const { body } = await replica.gql(query, { entitlementId: entitlement, customerId });
    const { quantity, stale } = body.data?.customerEntitlementTotal ?? {};
    expect(quantity).toBe(expectedQuantity({ customerId }));
    if (!stale) return;
    expect(replica.log.filter(({ result }) => result === 429)).toEqual([]);
  }
}

/** Redis executes the commands of a replica in order, so a purge that arrived shows that earlier writes did. */
async function flushWrites({ replica }: Pick<Ask, 'replica'>): Promise<void> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${purgeToken}` },
    body: JSON.stringify({ customerId: idOf(999_999) }),
  };
  while ((await fetch(`${replica.adminUrl}/purge`, init)).status !== 204);
}

const redisStates = (replica: Gateway) => replica.wholeLog.filter(({ msg }) => msg === 'redisChanged');
const isRedisUp = ({ replica }: Ask) => redisStates(replica).at(-1)?.state === 'up';

/**
 * Lets each replica ask for a customer of its own, and resolves once Redis has all they wrote. A replica that waited too
 * long for Redis, as on a machine that stands still, rightly does without it: its ask is not `shared`.
 */
async function askAll(
  asks: readonly Ask[],
): Promise<{ customerId: string; calls: number; shared: boolean }[]> {
  const callsFor = ({ replica, customerId }: Ask) =>
    replica.simulator.perKey.get(`${entitlement}/${customerId}`) ?? 0;
  while (!asks.every(isRedisUp)) await Promise.all(asks.map(flushWrites));
  const before = asks.map((ask) => ({ calls: callsFor(ask), states: redisStates(ask.replica).length }));
  await Promise.all(asks.map(askUntilFresh));
  await Promise.all(asks.map(flushWrites));
  return asks.map((ask, n) => ({
    customerId: ask.customerId,
    calls: callsFor(ask) - (before[n]?.calls ?? 0),
    shared: redisStates(ask.replica).length === before[n]?.states,
  }));
}

describeWithRedisOrCluster('ten replicas on one Redis', (redis) => {
  const replicas = useReplicas(10, () => ({
    REDIS_URL: redis.url,
    PURGE_TOKEN: purgeToken,
    CACHE_MAX_AGE_SECONDS: String(freshMs / 1000),
    UPSTREAM_ATTEMPT_TIMEOUT_MS: '60000',
    UPSTREAM_DEADLINE_MS: '60000',
    LOG_LEVEL: 'info',
  }));

  it('call the upstream once per total and freshness time between them, and so stay below its rate limit', async () => {
    const { simulator, stopClock, advance, now } = replicas[0] as Gateway;
    stopClock();
    /** When the number in Redis was given; undefined if a replica fetched it that could not reach Redis. */
    const givenAtMs = new Map<string, number | undefined>(customers.map((id) => [id, -freshMs]));
    const unexpected: object[] = [];
    let sharedCalls = 0;
    let unsharedCalls = 0;

    async function check(asks: readonly Ask[]): Promise<void> {
      simulator.overall = { mode: 'limited', callsPerSecond: callsPerSecond + unsharedCalls };
      for (const { customerId, calls, shared } of await askAll(asks)) {
        const givenMs = givenAtMs.get(customerId);
        const isDue = givenMs !== undefined && now() - givenMs >= freshMs;
        const allowed = givenMs === undefined ? [0, 1] : [isDue ? 1 : 0];
        if (shared && !allowed.includes(calls)) unexpected.push({ customerId, calls, isDue, nowMs: now() });
        if (shared) sharedCalls += calls;
        else unsharedCalls += calls;
        if (calls > 0) givenAtMs.set(customerId, shared ? now() : undefined);
      }
    }
    // First fetched evenly over their freshness time, so that they come due evenly.
    for (const [n, customerId] of customers.entries()) {
      await check([{ replica: replicas[n % 10] as Gateway, customerId }]);
      advance(freshMs / customers.length);
    }
    for (let tick = 0; tick < ticks; tick += 1) {
      const customerOf = (r: number) => customers[(r + 7 * tick) % customers.length] as string;
      await check(replicas.map((replica, r) => ({ replica, customerId: customerOf(r) })));
      advance(tickMs);
    }
    expect(unexpected).toEqual([]);
    expect(sharedCalls + unsharedCalls).toBe(simulator.requests);
    // Numbers were not only fetched, but also refreshed.
    expect(sharedCalls).toBeGreaterThan(customers.length);
    expect(Math.max(...simulator.perSecond.values())).toBeLessThanOrEqual(callsPerSecond + unsharedCalls);
    expect(replicas.flatMap(({ log }) => log.filter(({ result }) => result === 429))).toEqual([]);
  }, 90_000);
});
