import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Gateway, until, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redisServer.ts';

const count = 500;
const requests = Array.from({ length: count }, (_, n) => ({ entitlementId: idOf(n), customerId: customer }));
const query = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
  customerEntitlementTotals(requests: $requests) { quantity stale }
}`;

/** Asks for all totals; returns how many are stale, fresh and failed. */
async function askAll(gateway: Gateway, asked = requests, headers: Record<string, string> = {}) {
  const { body } = await gateway.gql(query, { requests: asked }, { headers });
  const totals: ({ quantity: number; stale: boolean } | null)[] = body.data?.customerEntitlementTotals ?? [];
  return {
    stale: totals.filter((total) => total?.stale).length,
    fresh: totals.filter((total) => total?.stale === false).length,
    codes: [...new Set(body.errors?.map(({ extensions }) => extensions.code))],
  };
}
const allStale = { stale: count, fresh: 0, codes: [] };
const allFresh = { stale: 0, fresh: count, codes: [] };

/** The names of the totals in Redis. */
async function readNames(redis: TestRedis): Promise<string[]> {
  const names = await redis.keys('*:total:*');
  return names.toSorted((a, b) => a.localeCompare(b));
}

/** Waits until Redis holds this many totals; false if it does not within a while. */
async function isStored(redis: TestRedis, expected: number): Promise<boolean> {
  for (let n = 0; n < 200; n += 1) {
    const { length } = await readNames(redis);
    if (length === expected) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

/** Fills memory and Redis, with the clock stopped. */
async function fill(gateway: Gateway, redis: TestRedis, ask: () => Promise<object>): Promise<string[]> {
  gateway.stopClock();
  for (;;) {
    // Entries, an open circuit and pauses of an earlier case have expired.
    gateway.advance(2 * 86_400_000);
    await redis.sendToAll('FLUSHALL');
    // The first call of a half-open circuit closes it.
    await ask();
    const { fresh, stale } = (await ask()) as { fresh: number; stale: number };
    // On a busy machine, Redis may miss its time limit.
    if (stale === 0 && (await isStored(redis, fresh))) return readNames(redis);
  }
}

describeWithRedis('500 cached totals', { own: true }, (redis) => {
  const [gateway] = useReplicas(1, () => ({ REDIS_URL: redis.url })) as [Gateway];
  const { simulator } = gateway;
  beforeAll(() =>
    until(() => gateway.wholeLog.some(({ msg, state }) => msg === 'redisChanged' && state === 'up')),
  );

  it.each([
    ['an ingress answers 404 with a text', '9404'],
    ['a firewall answers 403 with a page', '9403'],
    ["Zenskar rejects the gateway's own key with 401", '0401'],
    ["Zenskar rejects the gateway's own organisation with 403", '0403'],
  ])(
    'are all served as stale and stay in Redis while %s for 60 s',
    async (_, code) => {
      const before = await fill(gateway, redis, () => askAll(gateway));
      expect(before).toHaveLength(count);
      gateway.advance(91_000);
      simulator.overall = { mode: 'as', code };
      for (let second = 0; second < 60; second += 1) {
        const answers = await Promise.all([askAll(gateway), askAll(gateway)]);
        expect(answers).toEqual([allStale, allStale]);
        gateway.advance(1000);
      }
      expect(await readNames(redis)).toEqual(before);
      simulator.overall = { mode: 'ok' };
      gateway.advance(60_000);
      // The first call of a half-open circuit closes it, and totals are stale until a message of Redis is received after the jump.
      let recovered = await askAll(gateway);
      for (let n = 0; n < 100 && recovered.stale > 0; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        recovered = await askAll(gateway);
      }
      expect(recovered).toEqual(allFresh);
    },
    60_000,
  );
});

describeWithRedis('cached totals with AUTH_MODE=passthrough', { own: true }, (redis) => {
  const environment = () => ({
    REDIS_URL: redis.url,
    AUTH_MODE: 'passthrough',
    ZENSKAR_API_KEY: '',
    ZENSKAR_ORGANISATION: '',
  });
  const [gateway] = useReplicas(1, environment) as [Gateway];
  const { simulator } = gateway;
  const headers = { 'x-api-key': 'key-of-the-caller', organisation: 'organisation-of-the-caller' };
  const few = requests.slice(0, 20);
  const ask = () => askAll(gateway, few, headers);
  beforeAll(() =>
    until(() => gateway.wholeLog.some(({ msg, state }) => msg === 'redisChanged' && state === 'up')),
  );

  it.each([
    ['401', '0401'],
    ['403', '0403'],
    ['403 with a page', '9403'],
  ])(
    "are refused at once and deleted after Zenskar's %s for the caller",
    async (_, code) => {
      expect(await fill(gateway, redis, ask)).toHaveLength(few.length);
      gateway.advance(91_000);
      simulator.overall = { mode: 'as', code };
      const rejected = { stale: 0, fresh: 0, codes: ['UPSTREAM_REJECTED_CREDENTIALS'] };
      expect(await ask()).toEqual(rejected);
      expect(await isStored(redis, 0)).toBe(true);
      simulator.overall = { mode: 'down' };
      expect(await ask()).toEqual({ ...rejected, codes: ['UPSTREAM_UNAVAILABLE'] });
      expect(gateway.log.some(({ msg }) => msg === 'credentialsRejected')).toBe(false);
    },
    60_000,
  );
});

describe("rejections of the gateway's own credentials", () => {
  const gateway = useGateway();

  it('are logged as one error and all counted, although the totals are served as stale', async () => {
    const customers = ['0001', '0002', '0003'].map(customerOf);
    const ask = async (customerId: string) =>
      (await gateway.gql(totalQuery, { entitlementId: entitlement, customerId })).body.errors;
    for (const customerId of customers) expect(await ask(customerId)).toBeUndefined();
    gateway.advance(91_000);
    gateway.simulator.overall = { mode: 'as', code: '0403' };
    for (const customerId of customers) expect(await ask(customerId)).toBeUndefined();
    expect(gateway.log.filter(({ msg }) => msg === 'credentialsRejected')).toEqual([
      { level: 'error', time: expect.any(String), requestId: expect.any(String), msg: 'credentialsRejected' },
    ]);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('\nupstream_credentials_rejected_total 3\n');
  });
});
