import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createClient, type RedisClientType } from '@redis/client';
import { type Gateway, startWith, until, useReplicas } from '../support/gateway.ts';
import { entitlement, idOf, totalQuery } from '../support/ids.ts';
import { useLimitingUpstream } from '../support/limitingUpstream.ts';
import { describeWithRedis, describeWithRedisOrCluster } from '../support/redis.ts';
import type { TestRedis } from '../support/redisServer.ts';

const upstream = useLimitingUpstream();
const pauseSeconds = 60;
let tenants = 0;
let customers = 0;

/** The credentials of a tenant that no other test uses. */
function createCredentials() {
  tenants += 1;
  return { 'x-api-key': `key-of-tenant-${tenants}`, organisation: 'organisation' };
}

type Credentials = ReturnType<typeof createCredentials>;

const toEnvironment = (redis: TestRedis) => ({
  AUTH_MODE: 'passthrough',
  ZENSKAR_API_KEY: '',
  ZENSKAR_ORGANISATION: '',
  ZENSKAR_URL: upstream.url(),
  REDIS_URL: redis.url,
  UPSTREAM_RETRIES: '0',
});

/** Asks for a total that no cache has. Returns its error code, or `ok`. */
async function ask(url: string, headers: Credentials): Promise<string> {
  customers += 1;
  const variables = { entitlementId: entitlement, customerId: idOf(customers) };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: totalQuery, variables }),
  });
  const { data, errors } = (await response.json()) as Awaited<ReturnType<Gateway['gql']>>['body'];
  return data?.customerEntitlementTotal?.quantity === 1 ? 'ok' : errors?.[0].extensions.code;
}

type Pause = { tenant: unknown; origin: 'response' | 'shared' };

const pausesIn = (log: Gateway['log'], { tenant, origin }: Pause) =>
  log.filter((line) => line.msg === 'upstreamPaused' && line.tenant === tenant && line.origin === origin);

/** Lets the upstream limit this tenant. Returns the hash under which the tenant is logged. */
async function askLimited({ url, log }: Gateway, credentials: Credentials): Promise<unknown> {
  const limited = upstream.limitNext(credentials['x-api-key'], pauseSeconds);
  expect(await ask(url, credentials)).toBe('UPSTREAM_RATE_LIMITED');
  await limited;
  return log.findLast(({ msg, origin }) => msg === 'upstreamPaused' && origin === 'response')?.tenant;
}

const joined = (log: Gateway['log'], tenant: unknown) =>
  until(() => pausesIn(log, { tenant, origin: 'shared' }).length > 0);
const redisState = ({ wholeLog }: Gateway) => wholeLog.findLast(({ msg }) => msg === 'redisChanged')?.state;
const inState = (gateways: Gateway[], state: string) =>
  until(() => gateways.every((gateway) => redisState(gateway) === state));

describeWithRedisOrCluster('a rate-limit pause on one Redis', (redis) => {
  const [one, two] = useReplicas(2, () => toEnvironment(redis)) as [Gateway, Gateway];

  it('begins on the other replica too, which makes no call for this tenant; other tenants go on', async () => {
    await inState([one, two], 'up');
    const [limited, other] = [createCredentials(), createCredentials()];
    expect(await ask(two.url, limited)).toBe('ok');
    await joined(two.log, await askLimited(one, limited));
    const made = upstream.callsOf(limited['x-api-key']).length;
    for (const { url } of [one, two]) {
      expect(await ask(url, limited)).toBe('UPSTREAM_RATE_LIMITED');
      expect(await ask(url, other)).toBe('ok');
    }
    expect(upstream.callsOf(limited['x-api-key'])).toHaveLength(made);
  });

  it('is logged once by each replica, and counted once by both together', async () => {
    await inState([one, two], 'up');
    const countPauses = async () => {
      const samples = await Promise.all([one, two].map(({ app }) => app.readSamples()));
      const pauses = samples.flat().filter(({ name }) => name === 'upstream_pauses_total');
      return pauses.flatMap(({ values }) => values).reduce((sum, { value }) => sum + Number(value), 0);
    };
    const before = await countPauses();
    const tenant = await askLimited(one, createCredentials());
    await joined(two.log, tenant);
    expect(pausesIn(one.log, { tenant, origin: 'response' })).toMatchObject([
      { level: 'warn', durationMs: pauseSeconds * 1000 },
    ]);
    expect(pausesIn(one.log, { tenant, origin: 'shared' })).toEqual([]);
    expect(pausesIn(two.log, { tenant, origin: 'shared' })).toMatchObject([{ level: 'warn' }]);
    expect((await countPauses()) - before).toBe(1);
  });

  it('is known to a replica that starts before it ends', async () => {
    await inState([one], 'up');
    const [limited, other] = [createCredentials(), createCredentials()];
    const tenant = await askLimited(one, limited);
    const log: Gateway['log'] = [];
    const write = (line: string) => void log.push(JSON.parse(line));
    const third = await startWith(toEnvironment(redis), { write });
    await joined(log, tenant);
    const [line] = pausesIn(log, { tenant, origin: 'shared' });
    expect(line?.durationMs).toBeGreaterThan(0);
    expect(line?.durationMs).toBeLessThanOrEqual(pauseSeconds * 1000);
    expect(await ask(third.url, limited)).toBe('UPSTREAM_RATE_LIMITED');
    expect(await ask(third.url, other)).toBe('ok');
    expect(upstream.callsOf(limited['x-api-key'])).toHaveLength(1);
    await third.stop();
  });
});

describeWithRedis('the pauses in Redis', { own: false }, (redis) => {
  const key = 'zenskar-gateway:2:pauses';
  const [one] = useReplicas(1, () => toEnvironment(redis)) as [Gateway];
  let client: RedisClientType;
  beforeAll(async () => {
    // The server ends first.
    client = createClient({ url: redis.url }).on('error', () => {}) as RedisClientType;
    await client.connect();
  });
  beforeEach(() => client.del(key));
  afterAll(() => client.destroy());

  async function nowMs(): Promise<number> {
    const [seconds, microseconds] = (await client.sendCommand(['TIME'])) as [string, string];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }

  it('are hashes of tenants with the end by the clock of Redis, and are gone after five minutes at the latest', async () => {
    await inState([one], 'up');
    const credentials = createCredentials();
    const beforeMs = Math.floor(await nowMs());
    const tenant = await askLimited(one, credentials);
    while ((await client.exists(key)) === 0);
    const afterMs = await nowMs();
    const [pause, ...others] = await client.zRangeWithScores(key, 0, -1);
    expect(others).toEqual([]);
    expect(JSON.parse(pause?.value ?? '')).toEqual({ tenant, kind: 'rateLimitPause', growth: 0 });
    expect(pause?.value).not.toContain(credentials['x-api-key']);
    expect(pause?.score).toBeGreaterThanOrEqual(beforeMs + pauseSeconds * 1000);
    expect(pause?.score).toBeLessThanOrEqual(afterMs + pauseSeconds * 1000);
    const ttlMs = await client.pTTL(key);
    expect(ttlMs).toBeGreaterThan(pauseSeconds * 1000);
    expect(ttlMs).toBeLessThanOrEqual(300_000);
  });

  it('keep the later end, and lose those that are over or, after Redis has set its clock back, too far ahead', async () => {
    await inState([one], 'up');
    const tenant = await askLimited(one, createCredentials());
    while ((await client.exists(key)) === 0);
    const [own] = await client.zRange(key, 0, -1);
    const later = (await nowMs()) + 2 * pauseSeconds * 1000;
    await client.zAdd(key, [
      { value: own ?? '', score: later },
      { value: 'over', score: later - 3 * pauseSeconds * 1000 },
      { value: 'too far ahead', score: later + 300_000 },
    ]);
    // The gateway shares its own pauses again when it has subscribed again.
    await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    while ((await client.zCard(key)) > 1);
    expect(await client.zRangeWithScores(key, 0, -1)).toEqual([{ value: own, score: later }]);
    const log: Gateway['log'] = [];
    const write = (line: string) => void log.push(JSON.parse(line));
    const started = await startWith(toEnvironment(redis), { write });
    await joined(log, tenant);
    await started.stop();
    expect(pausesIn(log, { tenant, origin: 'shared' })[0]?.durationMs).toBeGreaterThan(pauseSeconds * 1000);
  });
});

describeWithRedis('a rate-limit pause while Redis is down', { own: true }, (redis) => {
  const [one, two] = useReplicas(2, () => toEnvironment(redis)) as [Gateway, Gateway];

  it('holds on the replica that got the 429, and on the others once Redis is back', async () => {
    const limited = createCredentials();
    await inState([one, two], 'up');
    await redis.kill();
    await inState([one, two], 'down');
    const tenant = await askLimited(one, limited);
    expect(await ask(one.url, limited)).toBe('UPSTREAM_RATE_LIMITED');
    expect(await ask(two.url, limited)).toBe('ok');
    await redis.start();
    await joined(two.log, tenant);
    expect(await ask(two.url, limited)).toBe('UPSTREAM_RATE_LIMITED');
    expect(upstream.callsOf(limited['x-api-key'])).toHaveLength(2);
  });
});
