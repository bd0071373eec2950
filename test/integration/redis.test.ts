import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import { reset } from '../../src/simulator/simulator.ts';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { describeWithRedis, describeWithRedisOrCluster } from '../support/redis.ts';
import type { TestRedis } from '../support/redisServer.ts';

const token = 'purge-token-0123456789';
const ask = async (gateway: Gateway, entitlementId = entitlement, customerId = customer) => {
  const { body } = await gateway.gql(totalQuery, { entitlementId, customerId });
  expect(body.errors).toBeUndefined();
  expect(body.data?.customerEntitlementTotal.quantity).toBe(expectedQuantity({ entitlementId, customerId }));
};
const purge = (gateway: Gateway, target: object, bearer = token) =>
  fetch(`${gateway.adminUrl}/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    body: JSON.stringify(target),
  });
const reported = (gateway: Gateway, state: string) =>
  until(() => gateway.log.some((line) => line.msg === 'redisChanged' && line.state === state));
const isUp = ({ wholeLog }: Gateway) =>
  wholeLog.findLast(({ msg }) => msg === 'redisChanged')?.state === 'up';
/** Waits until all are connected to Redis. */
const connected = async (gateways: Gateway[]) => {
  for (const gateway of gateways)
    while ((await purge(gateway, { customerId: idOf(999_998) })).status !== 204);
};
/**
 * Totals are written to Redis after the response. Commands for a customer run in order, so this one, of another entitlement, waits for
 * the write.
 */
const written = async (gateway: Gateway, customerId = customer) => {
  await purge(gateway, { customerId, entitlementId: idOf(999_999) });
};

/** Lets time pass for Redis and the gateways. */
async function pass(redis: TestRedis, gateway: Gateway, ms: number): Promise<void> {
  gateway.advance(ms);
  for (const key of await redis.keys('*:total:*')) {
    const ttlMs = Number(await redis.send(key, 'PTTL', key));
    await redis.send(key, 'PEXPIRE', key, `${ttlMs - ms}`);
  }
}

/** A replica that receives messages answers repeated requests from its response cache. */
const untilHearing = async (gateway: Gateway, entitlementId = idOf(999_997)) => {
  while (gateway.log.findLast(({ msg }) => msg === 'operationEnded')?.responseCache !== 'hit')
    await ask(gateway, entitlementId);
};

describeWithRedisOrCluster('two gateways on one Redis', (redis) => {
  const environment = () => ({ REDIS_URL: redis.url, PURGE_TOKEN: token, UPSTREAM_RETRIES: '0' });
  const [one, two] = useReplicas(2, environment) as [Gateway, Gateway];
  const { simulator } = one;
  const elapse = (ms: number) => pass(redis, one, ms);
  beforeAll(() => connected([one, two]));
  beforeEach(async () => {
    // The step of the clock before each test is longer than any silence.
    for (const gateway of [one, two]) await untilHearing(gateway);
    // On a busy machine, a command may exceed its time limit, and Redis is not used until the next probe.
    await until(() => [one, two].every(isUp));
    for (const { log } of [one, two]) log.length = 0;
    reset(simulator);
  });

  it('share a total that one of them has fetched', async () => {
    await ask(one);
    await written(one);
    await ask(two);
    expect(simulator.requests).toBe(1);
    expect(two.log.filter(({ msg }) => msg === 'operationEnded').map(({ totals }) => totals)).toEqual([
      { redis: 1 },
    ]);
    await ask(two);
    expect(two.log.at(-1)?.totals).toEqual({ memory: 1 });
  });

  it('share the age of a total', async () => {
    await ask(one);
    await written(one);
    one.advance(31_000);
    const { body } = await two.gql(
      `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { stale } }`,
    );
    expect(body.data?.customerEntitlementTotal.stale).toBe(true);
    // The refresh ends within this test.
    await until(() => two.log.some(({ msg }) => msg === 'upstreamCallEnded'));
  });

  it.each([3000, 3_600_000])(
    'know the age of a number from a clock that is %i ms ahead, and show no asOf from the future',
    async (aheadMs) => {
      one.jump(aheadMs);
      await ask(one);
      await written(one);
      one.jump(-aheadMs);
      await elapse(31_000);
      const { body } = await two.gql(
        `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { asOf stale } }`,
      );
      const { asOf, stale } = body.data?.customerEntitlementTotal ?? {};
      expect(stale).toBe(true);
      const ageMs = two.now() - Date.parse(asOf);
      expect(ageMs).toBeGreaterThanOrEqual(31_000 - aheadMs);
      expect(ageMs).toBeLessThan(60_000);
      expect(ageMs).toBeGreaterThanOrEqual(0);
      // The refresh ends within this test.
      await until(() => two.log.some(({ msg }) => msg === 'upstreamCallEnded'));
    },
  );

  it.each([
    [3_600_000, 3_600_000],
    [100_000, 80_000],
  ])('take no entry of %i ms for fresh after their clocks stepped back by %i ms', async (ageMs, stepMs) => {
    await ask(one);
    await written(one);
    await elapse(ageMs);
    one.jump(-stepMs);
    for (const gateway of [one, two]) {
      simulator.requests = 0;
      await ask(gateway);
      expect(simulator.requests).toBe(gateway === one ? 1 : 0);
    }
  });

  it('store entries in Redis no longer than they can be used', async () => {
    await ask(one);
    await written(one);
    const keys = await redis.keys('*:total:*');
    const ttls = await Promise.all(keys.map(async (key) => Number(await redis.send(key, 'PTTL', key))));
    expect(Math.max(...ttls)).toBeGreaterThan(0);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(86_490_000);
  });

  it('refresh a stale total once between them', async () => {
    await ask(one);
    await written(one);
    await ask(two);
    one.advance(31_000);
    await ask(one);
    await until(() => one.log.filter(({ msg }) => msg === 'upstreamCallEnded').length === 2);
    await written(one);
    await ask(two);
    await written(two);
    await ask(two);
    expect(two.log.at(-1)?.totals).toEqual({ memory: 1 });
    expect(simulator.requests).toBe(2);
  });

  it('both purge what is purged through one of them, and no other total', async () => {
    const others = [customer, customerOf('0001')];
    for (const gateway of [one, two]) {
      await ask(gateway);
      await ask(gateway, idOf(1));
      await ask(gateway, entitlement, others[1]);
      for (const customerId of others) await written(gateway, customerId);
    }
    expect(simulator.requests).toBe(3);
    expect((await purge(one, { customerId: customer, entitlementId: entitlement })).status).toBe(204);
    await written(two);
    for (const gateway of [two, one]) {
      await ask(gateway, idOf(1));
      await ask(gateway, entitlement, others[1]);
    }
    expect(simulator.requests).toBe(3);
    // Between the nodes of a cluster, the message may take a moment longer.
    while (simulator.requests < 4) await ask(two);
    await written(two);
    await ask(one);
    expect(simulator.requests).toBe(4);
    expect((await purge(two, { customerId: customer.toUpperCase() })).status).toBe(204);
    while (simulator.requests < 5) await ask(one);
    await ask(one, idOf(1));
    await ask(one, entitlement, others[1]);
    expect(simulator.requests).toBe(6);
  });

  it('do not cache a number that was requested before a purge and answered after it', async () => {
    simulator.overall = { mode: 'slow', ms: 150 };
    const early = ask(one);
    await until(() => simulator.inFlight === 1);
    await purge(two, { customerId: customer });
    await written(one);
    // Requests after the purge do not wait for the early call.
    const late = [];
    for (; simulator.requests < 2; await new Promise((resolve) => setTimeout(resolve, 5)))
      late.push(ask(one));
    await Promise.all([early, ...late]);
    await written(one);
    simulator.overall = { mode: 'ok' };
    await ask(two);
    // The answer to the later call is the cached one.
    expect(simulator.requests).toBe(2);
  });

  it('do not cache such a number either if no request follows the purge', async () => {
    simulator.overall = { mode: 'slow', ms: 100 };
    const early = ask(one);
    await until(() => simulator.inFlight === 1);
    await purge(two, { customerId: customer });
    await early;
    await written(one);
    simulator.overall = { mode: 'ok' };
    await ask(one);
    await ask(two);
    expect(simulator.requests).toBe(2);
  });

  it('treat unreadable values in Redis as missing entries', async () => {
    await ask(one);
    await written(one);
    const [name = ''] = await redis.keys('*:total:*');
    for (const junk of ['', '{', '[]', '[1]', 'null', '["7",0,null,null]', '[7,"0",null,null]']) {
      await redis.send(name, 'SET', name, junk);
      await ask(two);
      await purge(two, { customerId: idOf(1) });
      two.advance(86_400_000);
    }
    await redis.send(name, 'DEL', name);
    await redis.send(name, 'LPUSH', name, 'a list');
    await ask(two);
    expect(two.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('accept purges only with the token and valid ids', async () => {
    expect((await purge(one, { customerId: customer }, 'wrong')).status).toBe(401);
    expect((await fetch(`${one.adminUrl}/purge`, { method: 'POST' })).status).toBe(401);
    expect((await fetch(`${one.adminUrl}/purge`)).status).toBe(405);
    expect((await fetch(`${one.url}/purge`, { method: 'POST' })).status).toBe(404);
    for (const body of [
      {},
      { customerId: 'nope' },
      { customerId: customer, entitlement },
      [],
      { entitlementId: entitlement },
    ]) {
      expect((await purge(one, body)).status).toBe(400);
    }
  });
});

describeWithRedis('two gateways on a failing Redis', { own: true }, (redis) => {
  const [one, two] = useReplicas(2, () => ({ REDIS_URL: redis.url, PURGE_TOKEN: token })) as [
    Gateway,
    Gateway,
  ];
  const { simulator } = one;
  beforeAll(() => connected([one, two]));

  it('fail no operation when Redis dies under load, and share again when it is back', async () => {
    await ask(one);
    const load = async (from: number) => {
      for (let n = from; n < from + 50; n += 1) await ask(n % 2 === 0 ? one : two, idOf(n));
    };
    const running = Promise.all(Array.from({ length: 10 }, (_, n) => load(n * 50)));
    await until(() => simulator.requests > 100);
    await redis.kill();
    await running;
    expect(one.log.filter((line) => line.msg === 'redisChanged' && line.state === 'down')).toHaveLength(1);
    expect((await purge(one, { customerId: idOf(999_998) })).status).toBe(503);
    one.log.length = 0;
    two.log.length = 0;
    await redis.start();
    await Promise.all([reported(one, 'up'), reported(two, 'up')]);
    const before = simulator.requests;
    await ask(one, idOf(5000));
    await written(one);
    await ask(two, idOf(5000));
    expect(simulator.requests).toBe(before + 1);
  });

  it('report Redis up soon after a short freeze, even without any requests', async () => {
    redis.freeze();
    await ask(one, idOf(2));
    redis.resume();
    await reported(one, 'down');
    await reported(one, 'up');
    const metrics = await (await fetch(`${one.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^redis_up 1$/m);
    const changes = one.log.filter(({ msg }) => msg === 'redisChanged');
    expect(changes.map(({ state, reason }) => [state, reason])).toEqual([
      ['down', 'Redis gave no answer within 50 ms'],
      ['up', undefined],
    ]);
  });

  it('wait once, not once per operation, for a Redis that does not answer', async () => {
    await ask(one, idOf(1));
    redis.freeze();
    const startedMs = Date.now();
    for (let n = 0; n < 50; n += 1) await ask(one, idOf(6000 + n));
    const took = Date.now() - startedMs;
    redis.resume();
    // Each wait is 50 ms: fifty of them would take 2.5 s. (Measured: 150 to 250 ms.)
    expect(took).toBeLessThan(1500);
    expect(one.log.filter((line) => line.msg === 'redisChanged')).toMatchObject([{ state: 'down' }]);
    one.advance(2000);
    await ask(one, idOf(7000));
    await reported(one, 'up');
  });

  it('deliver a purge after a short freeze, and do not serve purged entries in between', async () => {
    await ask(one);
    await written(one);
    redis.freeze();
    await ask(one, idOf(8000));
    expect((await purge(one, { customerId: customer })).status).toBe(503);
    redis.resume();
    const before = simulator.requests;
    one.advance(2000);
    await ask(one);
    expect(simulator.requests).toBe(before + 1);
    // The pending purge is written as soon as Redis is back.
    await ask(one, idOf(8001));
    while (one.log.at(-1)?.state !== 'up' && !one.log.some(({ state }) => state === 'up'))
      await ask(one, idOf(8002));
    expect((await purge(one, { customerId: customer })).status).toBe(204);
    await written(one);
    await ask(two);
    expect(simulator.requests).toBeGreaterThanOrEqual(before + 2);
  });

  it('keep answering from memory when the upstream is down, if Redis says that nothing was purged while messages were missed', async () => {
    await untilHearing(two, idOf(1));
    two.log.length = 0;
    await redis.kill();
    await reported(two, 'down');
    two.log.length = 0;
    await redis.start();
    await reported(two, 'up');
    simulator.overall = { mode: 'down' };
    await untilHearing(two, idOf(1));
    const operations = two.log.filter(({ msg }) => msg === 'operationEnded');
    expect(operations.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  });
});

describeWithRedis('gateways on a Redis that refuses commands', { own: true }, (redis) => {
  const withUser = (user: string) => redis.url.replace('//', `//${user}:pw-0123456789@`);
  const [one, two] = useReplicas(2, () => ({ REDIS_URL: withUser('reader'), CACHE_MAX_ENTRIES: '5' })) as [
    Gateway,
    Gateway,
  ];
  const [locked] = useReplicas(1, () => ({ REDIS_URL: withUser('unknown') })) as [Gateway];

  const admin = async (...args: string[]) => {
    const { createClient } = await import('@redis/client');
    const client = await createClient({ url: redis.url }).connect();
    await client.sendCommand(args);
    client.destroy();
  };
  const refusals = (gateway: Gateway) => gateway.log.filter(({ msg }) => msg === 'redisRefused');

  it('still read entries when writes are refused, and report the refusal once', async () => {
    await admin('ACL', 'SETUSER', 'reader', 'on', '>pw-0123456789', '~*', '&*', '+@all');
    for (const gateway of [one, two]) {
      await until(() => gateway.wholeLog.some((line) => line.state === 'up'));
    }
    const ids = Array.from({ length: 50 }, (_, n) => ({ entitlementId: idOf(n), customerId: customer }));
    const list = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
      customerEntitlementTotals(requests: $requests) { quantity }
    }`;
    await one.gql(list, { requests: ids });
    await admin('ACL', 'SETUSER', 'reader', '-set', '-del');
    // More than its memory holds: numbers from Redis are served nevertheless.
    const before = one.simulator.requests;
    for (let n = 0; n < 2; n += 1)
      expect((await two.gql(`${list} # ${n}`, { requests: ids })).body.errors).toBeUndefined();
    expect(two.log.at(-1)?.totals).toMatchObject({ redis: expect.any(Number) });
    await ask(two, idOf(60));
    await ask(two, idOf(61));
    await until(() => refusals(two).length === 1);
    expect(two.simulator.requests).toBe(before + 2);
    expect(two.log.at(-1)?.state).not.toBe('down');
  });

  it('report a refused password without logging it, and still answer operations', async () => {
    await ask(locked);
    const changes = () => locked.wholeLog.filter(({ msg }) => msg === 'redisChanged');
    await until(() => changes().length > 0);
    expect(changes()).toMatchObject([{ state: 'down', reason: expect.stringMatching(/WRONGPASS/) }]);
    expect(JSON.stringify(locked.wholeLog)).not.toContain('pw-0123456789');
  });
});
