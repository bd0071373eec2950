import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customer, entitlement, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';

const claims = { customer_id: customer };
const unavailable = (retryAfterSeconds: number) => ({
  errors: [
    {
      message: 'The keys that verify tokens cannot be fetched. Try again.',
      extensions: { code: 'SERVICE_UNAVAILABLE', retryable: true, retryAfterSeconds, requestId: 'r' },
    },
  ],
});

describe('the key set of the issuer', () => {
  const issuer = useIssuer();
  const [gateway] = useReplicas(1, issuer.environment) as [Gateway];

  const ask = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: customer }, { headers }))
      .status;
  };
  const sign = () => issuer.sign(gateway.now(), { claims });
  const signWithUnknown = async () =>
    issuer.sign(gateway.now(), { claims, key: await issuer.createKey(`unknown ${Math.random()}`) });

  beforeEach(async () => {
    issuer.fault = undefined;
    // The clock of the gateway is a day further: the first token triggers a background fetch.
    const before = issuer.fetches;
    expect(await ask(await sign())).toBe(200);
    await until(() => issuer.fetches > before);
    gateway.advance(60_000);
    issuer.fetches = 0;
  });

  it('is not fetched again for further tokens with known keys', async () => {
    for (let n = 0; n < 5; n += 1) expect(await ask(await sign())).toBe(200);
    expect(issuer.fetches).toBe(0);
  });

  it.each([
    ['refuses the connection', { status: 0 }],
    ['fails', { status: 503 }],
    ['answers HTML', { status: 200, body: '<html>' }],
    ['answers JSON that is not a key set', { status: 200, body: '{"keys":7}' }],
    ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('stays valid for days while the issuer %s', async (_, fault) => {
    issuer.fault = fault;
    for (let hours = 0; hours < 72; hours += 12) {
      gateway.advance(12 * 3_600_000);
      expect(await ask(await sign())).toBe(200);
    }
    await until(() => gateway.log.some(({ msg }) => msg === 'keysUnavailable'));
    expect(gateway.log.find(({ msg }) => msg === 'keysUnavailable')).toMatchObject({ level: 'warn' });
  });

  it('is fetched before a token is accepted after hours without requests', async () => {
    const [first, ...others] = issuer.published;
    const token = await sign();
    gateway.advance(540_000);
    issuer.published.splice(0, issuer.published.length, await issuer.createKey('replacement'));
    gateway.advance(7_200_000);
    const late = await issuer.sign(gateway.now(), { claims, ...(first && { key: first }) });
    const many = [token, late, ...Array.from({ length: 4 }, () => `${late} `.trim())];
    expect(await Promise.all(many.map(ask))).toEqual(many.map(() => 401));
    expect(issuer.fetches).toBe(1);
    if (first) issuer.published.splice(0, 1, first, ...others);
  });

  it('is fetched at most every ten seconds for tokens with unknown keys, which get 503 while the issuer is down', async () => {
    issuer.fault = { status: 503 };
    const tokens = await Promise.all(Array.from({ length: 20 }, signWithUnknown));
    expect(await Promise.all(tokens.map(ask))).toEqual(tokens.map(() => 503));
    for (const token of tokens) expect(await ask(token)).toBe(503);
    expect(issuer.fetches).toBe(1);
    gateway.advance(10_000);
    for (const token of tokens) expect(await ask(token)).toBe(503);
    expect(issuer.fetches).toBe(2);
    expect(await ask(await sign())).toBe(200);
    issuer.fault = undefined;
    gateway.advance(10_000);
    for (const token of tokens) expect(await ask(token)).toBe(401);
    expect(issuer.fetches).toBe(3);
  });

  it('makes a token with an unknown key retryable after the pause, if its last fetch failed', async () => {
    issuer.fault = { status: 503 };
    gateway.stopClock();
    const headers = { authorization: `Bearer ${await signWithUnknown()}`, 'x-request-id': 'r' };
    const first = await gateway.gql('{ __typename }', {}, { headers });
    expect([first.status, first.body]).toEqual([503, unavailable(10)]);
    expect(first.headers.get('retry-after')).toBe('10');
    expect(first.headers.get('www-authenticate')).toBeNull();
    gateway.advance(8500);
    expect((await gateway.gql('{ __typename }', {}, { headers })).headers.get('retry-after')).toBe('2');
  });

  it('makes no token valid or retryable that is known to be invalid while the issuer is down', async () => {
    issuer.fault = { status: 503 };
    expect(await ask(await signWithUnknown())).toBe(503);
    const second = Math.floor(gateway.now() / 1000);
    const expired = await issuer.sign(gateway.now(), { claims: { ...claims, exp: second - 60 } });
    const forged = await issuer.sign(gateway.now(), { claims, key: await issuer.createKey('first') });
    for (const token of [expired, forged, 'garbage', '']) expect(await ask(token)).toBe(401);
  });

  it('is fetched once for many tokens with unknown keys while the issuer is up', async () => {
    for (let n = 0; n < 20; n += 1) expect(await ask(await signWithUnknown())).toBe(401);
    expect(issuer.fetches).toBe(1);
  });

  it('is fetched again for the first token with a new key', async () => {
    const key = await issuer.createKey('new');
    issuer.published.push(key);
    expect(await ask(await issuer.sign(gateway.now(), { claims, key }))).toBe(200);
    expect(issuer.fetches).toBe(1);
  });

  it('ends the tokens of a withdrawn key once it was fetched again, also those that were verified before', async () => {
    const [first] = issuer.published;
    const second = await issuer.createKey('second');
    const verifiedToken = await sign();
    expect(await ask(verifiedToken)).toBe(200);
    issuer.published.splice(0, issuer.published.length, second);
    expect(await ask(await issuer.sign(gateway.now(), { claims, key: second }))).toBe(200);
    expect(
      await ask(
        await issuer.sign(gateway.now(), { claims: { ...claims, jti: '2' }, ...(first && { key: first }) }),
      ),
    ).toBe(401);
    expect(await ask(verifiedToken)).toBe(401);
  });

  describe('without a key that it had before', () => {
    const withdraw = async () => {
      const token = await issuer.sign(gateway.now(), { claims: { ...claims, exp: 2 ** 53 } });
      expect(await ask(token)).toBe(200);
      issuer.published.splice(0, issuer.published.length, await issuer.createKey(`next ${Math.random()}`));
      return token;
    };

    const untilRejected = async (token: string) => {
      while ((await ask(token)) !== 401) await new Promise((resolve) => setTimeout(resolve, 5));
    };

    it('ends the tokens of the withdrawn key within ten minutes, also if they expire later and are used all the time', async () => {
      const token = await withdraw();
      expect(await ask(token)).toBe(200);
      for (let minute = 1; minute <= 9; minute += 1) {
        gateway.advance(60_000);
        await ask(token);
      }
      // A request does not wait for the fetch that it has started.
      await untilRejected(token);
      expect(issuer.fetches).toBeGreaterThan(0);
    });

    it('ends the tokens of the withdrawn key for the first request after ten minutes without requests', async () => {
      const token = await withdraw();
      gateway.advance(600_000);
      const statuses = await Promise.all(Array.from({ length: 5 }, () => ask(token)));
      expect(statuses).toEqual([401, 401, 401, 401, 401]);
      expect(issuer.fetches).toBe(1);
    });

    it('ends them within ten minutes also if a fetch failed just before', async () => {
      const token = await withdraw();
      gateway.advance(594_000);
      issuer.fault = { status: 503 };
      expect(await ask(token)).toBe(200);
      issuer.fault = undefined;
      gateway.advance(10_000);
      expect(await ask(token)).toBe(401);
    });

    it('does not end them while the issuer is down, and ends them when it is back', async () => {
      const token = await withdraw();
      issuer.fault = { status: 503 };
      gateway.advance(3_600_000);
      expect(await ask(token)).toBe(200);
      issuer.fault = undefined;
      gateway.advance(10_000);
      await untilRejected(token);
    });
  });

  it('is fetched again for a token of a new key with a known id', async () => {
    const key = await issuer.createKey(issuer.published[0]?.kid ?? '');
    issuer.published.splice(0, issuer.published.length, key);
    expect(await ask(await issuer.sign(gateway.now(), { claims, key }))).toBe(200);
  });

  it('has a remembered token verified again after ten minutes', async () => {
    const token = await issuer.sign(gateway.now(), { claims: { ...claims, exp: 2 ** 53 } });
    expect(await ask(token)).toBe(200);
    // Then the token is issued in the future, which only a verification sees.
    gateway.jump(-3_600_000);
    expect(await ask(token)).toBe(200);
    gateway.advance(300_001);
    expect(await ask(token)).toBe(200);
    gateway.advance(300_000);
    expect(await ask(token)).toBe(401);
  });

  describe('for a token without a key id', () => {
    const signUnnamed = (key: (typeof issuer.published)[number]) =>
      issuer.sign(gateway.now(), {
        claims: { ...claims, jti: String(Math.random()) },
        key,
        header: { kid: undefined },
      });

    it('has each of several keys of its type tried', async () => {
      issuer.published.push(await issuer.createKey('a'), await issuer.createKey('b'));
      expect(
        await ask(await issuer.sign(gateway.now(), { claims, key: issuer.published.at(-1) as never })),
      ).toBe(200);
      for (const key of issuer.published) expect(await ask(await signUnnamed(key))).toBe(200);
      const fetches = issuer.fetches;
      expect(await ask(await signUnnamed(await issuer.createKey('a')))).toBe(401);
      expect(issuer.fetches).toBe(fetches);
    });

    it('is fetched again if no known key has signed it, and makes it retryable if that fails', async () => {
      const key = await issuer.createKey('rotated');
      issuer.fault = { status: 503 };
      const token = await signUnnamed(key);
      expect(await ask(token)).toBe(503);
      issuer.fault = undefined;
      issuer.published.splice(0, issuer.published.length, key);
      gateway.advance(10_000);
      expect(await ask(token)).toBe(200);
    });

    it('has no key tried if there are more than ten of its type', async () => {
      const keys = await Promise.all(
        Array.from({ length: 11 }, (_, n) => issuer.createKey(`many ${n}`, 'ES256')),
      );
      issuer.published.push(...keys);
      const [key] = keys;
      if (key === undefined) throw new Error('There is no key.');
      expect(await ask(await issuer.sign(gateway.now(), { claims, key }))).toBe(200);
      expect(await ask(await signUnnamed(key))).toBe(401);
      expect(gateway.log.at(-1)).toMatchObject({ reason: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' });
      issuer.published.pop();
      gateway.advance(600_001);
      expect(await ask(await signUnnamed(key))).toBe(200);
    });
  });
});

describe('a gateway that starts before its issuer', () => {
  const issuer = useIssuer();
  issuer.fault = { status: 503 };
  const [gateway] = useReplicas(1, issuer.environment) as [Gateway];

  const ask = (token: string) =>
    gateway.gql('{ __typename }', {}, { headers: { authorization: `Bearer ${token}`, 'x-request-id': 'r' } });

  beforeEach(() => {
    issuer.fault = { status: 503 };
  });

  it('answers requests without a token, and with one that no key can make valid, with 401', async () => {
    expect((await gateway.gql('{ __typename }')).status).toBe(401);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`;
    for (const token of ['', 'garbage', 'a.b.c', unsigned]) expect((await ask(token)).status).toBe(401);
    expect(gateway.log.filter(({ code }) => code === 'SERVICE_UNAVAILABLE')).toEqual([]);
  });

  it.each([
    ['fails', { status: 503 }],
    ['refuses the connection', { status: 0 }],
    ['answers HTML', { status: 200, body: '<html>' }],
    ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('answers every other token with 503 and Retry-After while the issuer %s', async (_, fault) => {
    issuer.fault = fault;
    const { status, headers, body } = await ask(await issuer.sign(gateway.now(), { claims }));
    expect([status, body]).toEqual([503, unavailable(1)]);
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.get('www-authenticate')).toBeNull();
    expect(gateway.log.map(({ msg, code, reason }) => [msg, code, reason])).toContainEqual([
      'requestRejected',
      'SERVICE_UNAVAILABLE',
      'keys unavailable',
    ]);
  });

  it('accepts valid tokens once a fetch of the key set succeeds, at most one per second', async () => {
    gateway.stopClock();
    const token = await issuer.sign(gateway.now(), { claims });
    issuer.fetches = 0;
    for (let n = 0; n < 5; n += 1) expect((await ask(token)).status).toBe(503);
    expect(issuer.fetches).toBe(1);
    issuer.fault = undefined;
    expect((await ask(token)).status).toBe(503);
    gateway.advance(1000);
    expect((await ask(token)).status).toBe(200);
    expect(issuer.fetches).toBe(2);
  });
});
