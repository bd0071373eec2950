import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, jest } from '@jest/globals';
import { type Gateway, useReplicas } from '../support/gateway.ts';
import { entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';

// On a machine that stands still for a moment, numbers come due together.
jest.retryTimes(2);

const callsPerSecond = 100;
const freshMs = 5000;
const customers = Array.from({ length: 300 }, (_, n) => idOf(n));

const ask = (gateway: Gateway, customerId: string) =>
  gateway.gql(totalQuery, { entitlementId: entitlement, customerId });

describeWithRedis('ten replicas on one Redis, before an upstream with a limit', { own: false }, (redis) => {
  const replicas = useReplicas(10, () => ({
    REDIS_URL: redis.url,
    CACHE_MAX_AGE_SECONDS: String(freshMs / 1000),
    LOG_LEVEL: 'info',
  }));

  it('stay below it together, and each of them answers', async () => {
    const { simulator } = replicas[0] as Gateway;
    simulator.overall = { mode: 'limited', callsPerSecond };
    // Whoever comes first fetches them, evenly over the time for which they are fresh.
    const sinceMs = Date.now();
    for (let n = 0; n < customers.length; n += 1) {
      await ask(replicas[n % 10] as Gateway, customers[n] as string);
      await sleep(sinceMs + ((n + 1) * freshMs) / customers.length - Date.now());
    }
    const untilMs = Date.now() + 7000;
    const answered = replicas.map(() => 0);
    await Promise.all(
      replicas.map(async (replica, r) => {
        for (let turn = r; Date.now() < untilMs; turn += 7) {
          const customerId = customers[turn % customers.length] as string;
          const { body } = await ask(replica, customerId);
          expect(body.data?.customerEntitlementTotal?.quantity).toBe(expectedQuantity({ customerId }));
          answered[r] = (answered[r] ?? 0) + 1;
          await sleep(5);
        }
      }),
    );
    expect(Math.min(...answered)).toBeGreaterThan(100);
    const rates = [...simulator.perSecond.values()];
    expect(Math.max(...rates)).toBeLessThanOrEqual(callsPerSecond);
    // Each number is fresh for five seconds, so that it had to be asked for again.
    expect(simulator.requests).toBeGreaterThan(customers.length);
    const calls = replicas.flatMap(({ log }) => log.filter(({ result }) => result === 429));
    expect(calls).toEqual([]);
  }, 30_000);
});
