import { describe, expect, it } from '@jest/globals';
import { createClientAddress } from '../../src/http/clientAddress.ts';
import { type Gateway, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { describeWithRedis, describeWithRedisOrCluster } from '../support/redis.ts';
import type { TestRedis } from '../support/redisServer.ts';

const plural = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
  customerEntitlementTotals(requests: $requests) { quantity }
}`;
const requests = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ entitlementId: idOf(n), customerId: customer }));
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const codeOf = ({ body }: Awaited<ReturnType<Gateway['gql']>>) => body.errors?.[0].extensions.code;

describe('a rate limit of 10 per minute', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '10', TRUSTED_PROXIES: '127.0.0.1' });

  it('accepts ten requests of a caller and rejects the eleventh with the time to wait', async () => {
    for (let n = 0; n < 10; n += 1)
      expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.1')))).toBeUndefined();
    const rejected = await gateway.gql('{ __typename }', {}, from('1.1.1.1'));
    const [{ extensions }] = rejected.body.errors as [{ extensions: { retryAfterSeconds: number } }];
    expect(rejected).toMatchObject({
      status: 200,
      body: {
        errors: [
          {
            message: 'Rate limit of 10 per minute exceeded.',
            extensions: { code: 'RATE_LIMITED', retryable: true, requestId: expect.any(String) },
          },
        ],
      },
    });
    expect(extensions.retryAfterSeconds).toBeGreaterThan(50);
    expect(extensions.retryAfterSeconds).toBeLessThanOrEqual(60);
    expect(rejected.headers.get('retry-after')).toBe(String(extensions.retryAfterSeconds));
    expect(rejected.headers.get('cache-control')).toBe('no-store');
    expect(gateway.log.at(-1)).toMatchObject({
      msg: 'requestRejected',
      code: 'RATE_LIMITED',
      reason: expect.stringMatching(/^caller [\w-]{22}\/1\.1\.1\.1$/),
    });
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.2')))).toBeUndefined();
  });

  it('counts an operation as its number of totals, and a rejected operation as one point', async () => {
    const ask = (count: number) => gateway.gql(plural, { requests: requests(count) }, from('2.2.2.2'));
    expect(codeOf(await ask(7))).toBeUndefined();
    const rejected = await ask(4);
    expect([rejected.status, codeOf(rejected)]).toEqual([200, 'RATE_LIMITED']);
    expect(rejected.headers.get('retry-after')).toMatch(/^\d+$/);
    // The rejected request had consumed its first point before its totals were counted.
    expect(codeOf(await ask(2))).toBeUndefined();
    expect(codeOf(await ask(1))).toBe('RATE_LIMITED');
  });

  it('rejects an operation with more totals than the whole limit as BAD_USER_INPUT', async () => {
    const { body } = await gateway.gql(plural, { requests: requests(11) }, from('3.3.3.3'));
    expect(body.errors).toMatchObject([
      {
        message: 'The operation asks for more than 10 totals.',
        extensions: { code: 'BAD_USER_INPUT', retryable: false },
      },
    ]);
  });

  it('counts requests with an invalid document', async () => {
    for (let n = 0; n < 10; n += 1) await gateway.gql('{ nothing }', {}, from('4.4.4.4'));
    expect(codeOf(await gateway.gql('{ nothing }', {}, from('4.4.4.4')))).toBe('RATE_LIMITED');
  });

  it('cannot be evaded by forged entries in x-forwarded-for', async () => {
    for (let n = 0; n < 10; n += 1) await gateway.gql('{ __typename }', {}, from(`9.9.9.${n}, 5.5.5.5`));
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('9.9.9.99, 5.5.5.5')))).toBe('RATE_LIMITED');
  });
});

describe('a rate limit without TRUSTED_PROXIES', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '2' });

  it('ignores x-forwarded-for', async () => {
    for (const address of ['1.1.1.1', '1.1.1.2']) await gateway.gql('{ __typename }', {}, from(address));
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.3')))).toBe('RATE_LIMITED');
  });
});

describe('a rate limit with AUTH_MODE=jwt', () => {
  const issuer = useIssuer();
  const [gateway] = useReplicas(1, () => ({ ...issuer.environment(), RATE_LIMIT_PER_MINUTE: '2' })) as [
    Gateway,
  ];

  it('is counted per subject, across all tokens of the subject', async () => {
    const ask = async (sub: string, claims: object) => {
      const authorization = `Bearer ${await issuer.sign(gateway.now(), { claims: { sub, ...claims } })}`;
      return codeOf(await gateway.gql('{ __typename }', {}, { headers: { authorization } }));
    };
    expect(await ask('a', { jti: '1' })).toBeUndefined();
    expect(await ask('a', { jti: '2' })).toBeUndefined();
    expect(await ask('a', { jti: '3' })).toBe('RATE_LIMITED');
    expect(await ask('b', {})).toBeUndefined();
  });
});

const useLimitedReplicas = (redis: TestRedis) =>
  useReplicas(2, () => ({
    REDIS_URL: redis.url,
    RATE_LIMIT_PER_MINUTE: '10',
    CACHE_MAX_AGE_SECONDS: '0',
    TRUSTED_PROXIES: '127.0.0.1',
  })) as [Gateway, Gateway];
const askFrom = (gateway: Gateway, address: string) => gateway.gql('{ __typename }', {}, from(address));

describeWithRedisOrCluster('a rate limit shared through Redis', (redis) => {
  const [first, second] = useLimitedReplicas(redis);

  it('counts the requests to all replicas together', async () => {
    while (
      !first.wholeLog.some(({ state }) => state === 'up') ||
      !second.wholeLog.some(({ state }) => state === 'up')
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    for (let n = 0; n < 10; n += 1)
      expect(codeOf(await askFrom(n % 2 === 0 ? first : second, '1.1.1.1'))).toBeUndefined();
    expect(codeOf(await askFrom(first, '1.1.1.1'))).toBe('RATE_LIMITED');
    expect(codeOf(await askFrom(second, '1.1.1.1'))).toBe('RATE_LIMITED');
  });

  it('does not reject a caller for an hour after the clock of the Redis host was set back by an hour', async () => {
    for (let n = 0; n < 10; n += 1) expect(codeOf(await askFrom(first, '3.3.3.3'))).toBeUndefined();
    const [key = '', ...others] = await redis.keys('*3.3.3.3');
    expect(others).toEqual([]);
    // Redis keeps the time at which a key expires, so that a step back of its clock lengthens what is left.
    await redis.send(key, 'PEXPIRE', key, '3660000');
    expect(codeOf(await askFrom(second, '3.3.3.3'))).toBe('RATE_LIMITED');
    const remainingMs = await redis.send(key, 'PTTL', key);
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(60_000);
  });
});

describeWithRedis('a rate limit shared through a Redis that fails', { own: true }, (redis) => {
  const [first, second] = useLimitedReplicas(redis);
  const variables = { entitlementId: entitlement, customerId: customer };

  it('is counted per replica while Redis is down, without delays or errors', async () => {
    await redis.kill();
    const startedMs = performance.now();
    for (let n = 0; n < 10; n += 1)
      expect((await first.gql(totalQuery, variables, from('2.2.2.2'))).body.errors).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(codeOf(await askFrom(first, '2.2.2.2'))).toBe('RATE_LIMITED');
    expect(codeOf(await askFrom(second, '2.2.2.2'))).toBeUndefined();
    await redis.start();
  });
});

describe('the client address', () => {
  const addressOf = createClientAddress(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  const addressFrom = (remoteAddress: string, forwarded?: string) =>
    addressOf({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } } as never);

  it.each([
    ['1.1.1.1', undefined, '1.1.1.1'],
    ['1.1.1.1', '2.2.2.2', '1.1.1.1'],
    ['10.1.1.1', '2.2.2.2', '2.2.2.2'],
    ['10.1.1.1', '3.3.3.3, 2.2.2.2', '2.2.2.2'],
    ['10.1.1.1', '3.3.3.3, 2.2.2.2, 192.0.2.7', '2.2.2.2'],
    ['10.1.1.1', '10.2.2.2, 10.3.3.3', '10.2.2.2'],
    ['10.1.1.1', '2.2.2.2:4711', '2.2.2.2'],
    ['10.1.1.1', '[2001:db8::1]:4711', '2001:db8:0:0::/64'],
    ['10.1.1.1', 'unknown', '10.1.1.1'],
    ['10.1.1.1', '2.2.2.2, unknown', '10.1.1.1'],
    ['10.1.1.1', '', '10.1.1.1'],
    ['::ffff:10.1.1.1', '2.2.2.2', '2.2.2.2'],
    ['::ffff:1.1.1.1', '2.2.2.2', '1.1.1.1'],
    ['fd00::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', undefined, '2001:db8:1:2::/64'],
    ['::1', undefined, '0:0:0:0::/64'],
    ['fe80::1%eth0', undefined, 'fe80:0:0:0::/64'],
    ['', '2.2.2.2', ''],
  ])('of a connection from %j with x-forwarded-for %j is %j', (remote, forwarded, expected) => {
    expect(addressFrom(remote, forwarded)).toBe(expected);
  });
});
