import { beforeAll, expect, it } from '@jest/globals';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';

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
const heard = (gateway: Gateway, state: string) =>
  until(() => gateway.log.some((line) => line.msg === 'redisChanged' && line.state === state));
/** Both connect on their own time. */
const connected = async (gateways: Gateway[]) => {
  for (const gateway of gateways)
    while ((await purge(gateway, { customerId: idOf(999_998) })).status !== 204);
};
/** A stored total is written after it is answered: this waits for the write by a command behind it. */
const written = async (gateway: Gateway) => {
  await purge(gateway, { customerId: idOf(999_999) });
};

describeWithRedis('two gateways on one Redis', { own: false }, (redis) => {
  const environment = () => ({ REDIS_URL: redis.url, PURGE_TOKEN: token, UPSTREAM_RETRIES: '0' });
  const [one, two] = useReplicas(2, environment) as [Gateway, Gateway];
  const { simulator } = one;
  beforeAll(() => connected([one, two]));

  it('share what either has fetched', async () => {
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

  it('share its age too', async () => {
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

  it('both forget what is purged through one, and nothing else', async () => {
    const others = [customer, customerOf('0001')];
    for (const gateway of [one, two]) {
      await ask(gateway);
      await ask(gateway, idOf(1));
      await ask(gateway, entitlement, others[1]);
      await written(gateway);
    }
    expect(simulator.requests).toBe(3);
    expect((await purge(one, { customerId: customer, entitlementId: entitlement })).status).toBe(204);
    await written(two);
    for (const gateway of [two, one]) {
      await ask(gateway, idOf(1));
      await ask(gateway, entitlement, others[1]);
    }
    expect(simulator.requests).toBe(3);
    await ask(two);
    await written(two);
    await ask(one);
    expect(simulator.requests).toBe(4);
    expect((await purge(two, { customerId: customer.toUpperCase() })).status).toBe(204);
    await written(one);
    await ask(one);
    await ask(one, idOf(1));
    await ask(one, entitlement, others[1]);
    expect(simulator.requests).toBe(6);
  });

  it('never keep a number that was asked for before a purge', async () => {
    simulator.overall = { mode: 'slow', ms: 150 };
    const early = ask(one);
    await until(() => simulator.inFlight === 1);
    await purge(two, { customerId: customer });
    await written(one);
    // Whoever asks now does not even wait for the early call.
    const late = ask(one);
    await until(() => simulator.requests === 2);
    await Promise.all([early, late]);
    await written(one);
    simulator.overall = { mode: 'ok' };
    await ask(two);
    // The later answer is the one that was kept.
    expect(simulator.requests).toBe(2);
  });

  it('never keep it either where nobody asks after the purge', async () => {
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

  it('take what they cannot read in Redis for nothing', async () => {
    await ask(one);
    await written(one);
    const { createClient } = await import('@redis/client');
    const client = await createClient({ url: redis.url }).connect();
    const [name = ''] = await client.keys('*:total:*');
    for (const junk of ['', '{', '[]', '[1]', 'null', '["7",0,null,null]', '[7,"0",null,null]']) {
      await client.set(name, junk);
      await ask(two);
      await purge(two, { customerId: idOf(1) });
      two.advance(86_400_000);
    }
    await client.del(name);
    await client.lPush(name, 'a list');
    await ask(two);
    client.destroy();
    expect(two.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('let only the bearer of the token purge, and only by id', async () => {
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

describeWithRedis('a Redis that goes away', { own: true }, (redis) => {
  const [one, two] = useReplicas(2, () => ({ REDIS_URL: redis.url, PURGE_TOKEN: token })) as [
    Gateway,
    Gateway,
  ];
  const { simulator } = one;
  beforeAll(() => connected([one, two]));

  it('mid-load fails no operation, and shares again once it is back', async () => {
    await ask(one);
    const load = async (from: number) => {
      for (let n = from; n < from + 50; n += 1) await ask(n % 2 === 0 ? one : two, idOf(n));
    };
    const running = Promise.all(Array.from({ length: 10 }, (_, n) => load(n * 50)));
    await until(() => simulator.requests > 100);
    await redis.kill();
    await running;
    expect(one.log.filter((line) => line.msg === 'redisChanged' && line.state === 'down')).toHaveLength(1);
    expect((await purge(one, { customerId: customer })).status).toBe(503);
    one.log.length = 0;
    two.log.length = 0;
    await redis.start();
    await Promise.all([heard(one, 'up'), heard(two, 'up')]);
    const before = simulator.requests;
    await ask(one, idOf(5000));
    await written(one);
    await ask(two, idOf(5000));
    expect(simulator.requests).toBe(before + 1);
  });

  it('for a moment is up again soon, also where nobody asks for anything', async () => {
    redis.freeze();
    await ask(one, idOf(2));
    redis.resume();
    await heard(one, 'down');
    await heard(one, 'up');
    const metrics = await (await fetch(`${one.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^redis_up 1$/m);
    const changes = one.log.filter(({ msg }) => msg === 'redisChanged');
    expect(changes.map(({ state, reason }) => [state, reason])).toEqual([
      ['down', 'Redis gave no answer within 50 ms'],
      ['up', undefined],
    ]);
  });

  it('without a word costs one short wait, not one for each query', async () => {
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
    await heard(one, 'up');
  });

  it('for a moment does not keep a purge from the others, nor bring back what was purged', async () => {
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
    // The purge is made up for as soon as Redis is back.
    await ask(one, idOf(8001));
    while (one.log.at(-1)?.state !== 'up' && !one.log.some(({ state }) => state === 'up'))
      await ask(one, idOf(8002));
    expect((await purge(one, { customerId: customer })).status).toBe(204);
    await written(one);
    await ask(two);
    expect(simulator.requests).toBeGreaterThanOrEqual(before + 2);
  });

  it('while a purge may be missed makes what was kept before be looked at again, without anybody waiting', async () => {
    await ask(two, idOf(1));
    await redis.kill();
    await heard(two, 'down');
    two.log.length = 0;
    await redis.start();
    await heard(two, 'up');
    const before = simulator.requests;
    simulator.overall = { mode: 'slow', ms: 300 };
    const startedMs = Date.now();
    // Its ear for purges may come back a moment after its voice.
    while (simulator.requests === before) await ask(two, idOf(1));
    expect(
      two.log.filter(({ msg }) => msg === 'operationEnded').map(({ totals }) => totals),
    ).not.toContainEqual({
      upstream: 1,
    });
    expect(Date.now() - startedMs).toBeLessThan(3000);
    await until(() => simulator.inFlight === 0);
    await ask(two, idOf(1));
    expect(simulator.requests).toBe(before + 1);
  });
});

describeWithRedis('a Redis that refuses', { own: true }, (redis) => {
  const withUser = (user: string) => redis.url.replace('//', `//${user}:pw-0123456789@`);
  const [one, two] = useReplicas(2, () => ({ REDIS_URL: withUser('reader'), CACHE_MAX_ENTRIES: '5' })) as [
    Gateway,
    Gateway,
  ];
  const [locked] = useReplicas(1, () => ({ REDIS_URL: withUser('nobody') })) as [Gateway];

  const admin = async (...args: string[]) => {
    const { createClient } = await import('@redis/client');
    const client = await createClient({ url: redis.url }).connect();
    await client.sendCommand(args);
    client.destroy();
  };
  const refused = (gateway: Gateway) => gateway.log.filter(({ msg }) => msg === 'redisRefused');

  it('writes is read all the same, and told of once', async () => {
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
    // More than its memory holds: what Redis gave is answered nevertheless.
    const before = one.simulator.requests;
    for (let n = 0; n < 2; n += 1)
      expect((await two.gql(`${list} # ${n}`, { requests: ids })).body.errors).toBeUndefined();
    expect(two.log.at(-1)?.totals).toMatchObject({ redis: expect.any(Number) });
    await ask(two, idOf(60));
    await ask(two, idOf(61));
    await until(() => refused(two).length === 1);
    expect(two.simulator.requests).toBe(before + 2);
    expect(two.log.at(-1)?.state).not.toBe('down');
  });

  it('the password is told of, without the password, and harms nobody', async () => {
    await ask(locked);
    const told = () => locked.wholeLog.filter(({ msg }) => msg === 'redisChanged');
    await until(() => told().length > 0);
    expect(told()).toMatchObject([{ state: 'down', reason: expect.stringMatching(/WRONGPASS/) }]);
    expect(JSON.stringify(locked.wholeLog)).not.toContain('pw-0123456789');
  });
});
