import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { type Gateway, useReplicas } from '../support/gateway.ts';
import { entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';

const callsPerSecond = 100;
const freshMs = 5000;
const tickMs = 10;
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
    // A machine that stands still for a moment would have numbers come due together.
    const { simulator, stopClock, advance } = replicas[0] as Gateway;
    stopClock();
    simulator.overall = { mode: 'limited', callsPerSecond };
    // Whoever comes first fetches them, evenly over the time for which they are fresh.
    for (let n = 0; n < customers.length; n += 1) {
      await ask(replicas[n % 10] as Gateway, customers[n] as string);
      advance(Math.ceil(freshMs / customers.length));
    }
    for (let tick = 0; tick * tickMs < 7000; tick += 1) {
      await Promise.all(
        replicas.map(async (replica, r) => {
          const customerId = customers[(r + 7 * tick) % customers.length] as string;
          const { body } = await ask(replica, customerId);
          expect(body.data?.customerEntitlementTotal?.quantity).toBe(expectedQuantity({ customerId }));
        }),
      );
      // What is refreshed behind an answer takes real time.
      await sleep(5);
      advance(tickMs);
    }
    const rates = [...simulator.perSecond.values()];
    expect(Math.max(...rates)).toBeLessThanOrEqual(callsPerSecond);
    // Each number is fresh for five seconds, so that it had to be asked for again.
    expect(simulator.requests).toBeGreaterThan(customers.length);
    const calls = replicas.flatMap(({ log }) => log.filter(({ result }) => result === 429));
    expect(calls).toEqual([]);
  }, 90_000);
});
