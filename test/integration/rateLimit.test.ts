import { describe, expect, it } from '@jest/globals';
import { createClientAddress } from '../../src/http/clientAddress.ts';
import { type Gateway, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { describeWithRedis } from '../support/redis.ts';

const plural = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
  customerEntitlementTotals(requests: $requests) { quantity }
}`;
const requests = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ entitlementId: idOf(n), customerId: customer }));
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const codeOf = ({ body }: Awaited<ReturnType<Gateway['gql']>>) => body.errors?.[0].extensions.code;

describe('a limit of 10 totals in a minute', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '10', TRUSTED_PROXIES: '127.0.0.1' });

  it('lets a caller ask ten times, and tells it when to come back', async () => {
    for (let n = 0; n < 10; n += 1)
      expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.1')))).toBeUndefined();
    const refused = await gateway.gql('{ __typename }', {}, from('1.1.1.1'));
    const [{ extensions }] = refused.body.errors as [{ extensions: { retryAfterSeconds: number } }];
    expect(refused).toMatchObject({
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
    expect(refused.headers.get('retry-after')).toBe(String(extensions.retryAfterSeconds));
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(gateway.log.at(-1)).toMatchObject({
      msg: 'requestRejected',
      code: 'RATE_LIMITED',
      reason: expect.stringMatching(/^caller [\w-]{22}\/1\.1\.1\.1$/),
    });
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.2')))).toBeUndefined();
  });

  it('counts an operation by its totals, and one that is refused as one', async () => {
    const ask = (count: number) => gateway.gql(plural, { requests: requests(count) }, from('2.2.2.2'));
    expect(codeOf(await ask(7))).toBeUndefined();
    const refused = await ask(4);
    expect([refused.status, codeOf(refused)]).toEqual([200, 'RATE_LIMITED']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    // What came in was charged before anybody could know how much it asks for.
    expect(codeOf(await ask(2))).toBeUndefined();
    expect(codeOf(await ask(1))).toBe('RATE_LIMITED');
  });

  it('refuses for good what no minute has room for', async () => {
    const { body } = await gateway.gql(plural, { requests: requests(11) }, from('3.3.3.3'));
    expect(body.errors).toMatchObject([
      {
        message: 'The operation asks for more than 10 totals.',
        extensions: { code: 'BAD_USER_INPUT', retryable: false },
      },
    ]);
  });

  it('counts what is no operation, too', async () => {
    for (let n = 0; n < 10; n += 1) await gateway.gql('{ nothing }', {}, from('4.4.4.4'));
    expect(codeOf(await gateway.gql('{ nothing }', {}, from('4.4.4.4')))).toBe('RATE_LIMITED');
  });

  it('is not escaped by an address that the caller makes up', async () => {
    for (let n = 0; n < 10; n += 1) await gateway.gql('{ __typename }', {}, from(`9.9.9.${n}, 5.5.5.5`));
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('9.9.9.99, 5.5.5.5')))).toBe('RATE_LIMITED');
  });
});

describe('without trusted proxies', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '2' });

  it('x-forwarded-for is believed of nobody', async () => {
    for (const address of ['1.1.1.1', '1.1.1.2']) await gateway.gql('{ __typename }', {}, from(address));
    expect(codeOf(await gateway.gql('{ __typename }', {}, from('1.1.1.3')))).toBe('RATE_LIMITED');
  });
});

describe('with tokens', () => {
  const issuer = useIssuer();
  const [gateway] = useReplicas(1, () => ({ ...issuer.environment(), RATE_LIMIT_PER_MINUTE: '2' })) as [
    Gateway,
  ];

  it('a caller is its subject, whatever its token and address', async () => {
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

describeWithRedis('a limit shared through Redis', { own: true }, (redis) => {
  const [first, second] = useReplicas(2, () => ({
    REDIS_URL: redis.url,
    RATE_LIMIT_PER_MINUTE: '10',
    CACHE_MAX_AGE_SECONDS: '0',
    TRUSTED_PROXIES: '127.0.0.1',
  })) as [Gateway, Gateway];
  const ask = (gateway: Gateway, address: string) => gateway.gql('{ __typename }', {}, from(address));
  const variables = { entitlementId: entitlement, customerId: customer };

  it('is one for all replicas', async () => {
    while (
      !first.wholeLog.some(({ state }) => state === 'up') ||
      !second.wholeLog.some(({ state }) => state === 'up')
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    for (let n = 0; n < 10; n += 1)
      expect(codeOf(await ask(n % 2 === 0 ? first : second, '1.1.1.1'))).toBeUndefined();
    expect(codeOf(await ask(first, '1.1.1.1'))).toBe('RATE_LIMITED');
    expect(codeOf(await ask(second, '1.1.1.1'))).toBe('RATE_LIMITED');
  });

  it('is one for each while Redis is gone, and nobody waits or fails for that', async () => {
    await redis.kill();
    const startedMs = performance.now();
    for (let n = 0; n < 10; n += 1)
      expect((await first.gql(totalQuery, variables, from('2.2.2.2'))).body.errors).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(codeOf(await ask(first, '2.2.2.2'))).toBe('RATE_LIMITED');
    expect(codeOf(await ask(second, '2.2.2.2'))).toBeUndefined();
    await redis.start();
  });
});

describe('the address of a client', () => {
  const addressOf = createClientAddress(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  const of = (remoteAddress: string, forwarded?: string) =>
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
  ])('that connects from %j by way of %j is %j', (remote, forwarded, expected) => {
    expect(of(remote, forwarded)).toBe(expected);
  });
});
