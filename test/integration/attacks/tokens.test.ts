import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompactEncrypt, CompactSign, exportSPKI, importJWK, SignJWT } from 'jose';
import { post, survive } from '../../support/attack.ts';
import { type Gateway, useReplicas } from '../../support/gateway.ts';
import { apiKey, customer, entitlement, expectedQuantity } from '../../support/ids.ts';
import { audience, issuerName, useIssuer } from '../../support/issuer.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const requestBody = JSON.stringify({
  query: `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity } }`,
});
const total = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };

const issuer = useIssuer();
const [gateway] = useReplicas(1, () => ({
  ...issuer.environment(),
  JWT_AUDIENCE: `${audience}, second`,
})) as [Gateway];
const seconds = () => Math.floor(gateway.now() / 1000);
const sign = (claims: object = {}, header: object = {}) =>
  issuer.sign(gateway.now(), { claims: { customer_id: customer, ...claims }, header: { ...header } });
const signWith = async (kid: string, header: object = {}) => {
  const key = await issuer.createKey(kid);
  return issuer.sign(gateway.now(), { key, header: { ...header } });
};
const signWithSecret = (secret: string) =>
  new SignJWT(payload()).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(Buffer.from(secret));
const payload = () => ({
  iss: issuerName,
  aud: audience,
  exp: seconds() + 600,
  scope: 'entitlements:read:all',
});
const published = () => ({ ...issuer.published[0]?.jwk });

/** A server of the attacker, which must get no request. */
const foreign = createServer((_, response) => {
  foreignRequests += 1;
  response.end('{"keys":[]}');
});
let foreignRequests = 0;
let foreignUrl = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => void foreign.listen(0, '127.0.0.1', resolve));
  foreignUrl = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`;
});
afterAll(() => void foreign.close().closeAllConnections());

/** Signs claims that JSON.stringify cannot write. */
async function signText(change: (claims: string) => string): Promise<string> {
  const [key] = issuer.published;
  if (key === undefined) throw new Error('The issuer has no key yet.');
  const claims = change(JSON.stringify({ ...payload(), customer_id: customer }));
  return new CompactSign(Buffer.from(claims))
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .sign(key.privateKey);
}

type MakeToken = () => string | Promise<string>;

const oneToken = 'invalid_request: Expected one token after Bearer.';
const malformed = 'invalid_token: The token is malformed.';
const wrongAlgorithm = 'invalid_token: The algorithm of the token is not allowed.';
const wrongIssuer = 'invalid_token: The issuer of the token is wrong.';
const wrongAudience = 'invalid_token: The audience of the token is wrong.';
const noExpiry = 'invalid_token: The token has no valid expiry.';
const fromFuture = 'invalid_token: The token was issued in the future.';
const unknownKey = 'invalid_token: The issuer has no key for the token.';
const wrongSignature = 'invalid_token: The signature of the token is wrong.';

const invalidTokens: [name: string, make: MakeToken, challenge: string][] = [
  ['is undefined', () => 'undefined', malformed],
  ['is quoted', async () => `"${await sign()}"`, oneToken],
  ['is preceded by the scheme twice', async () => `Bearer ${await sign()}`, oneToken],
  ['is followed by a parameter', async () => `${await sign()}, error="x"`, oneToken],
  ['consists of padding', () => '====', oneToken],
  ['contains a character outside ASCII', async () => `\u00ff${await sign()}`, oneToken],
  ['contains a backslash', () => 'a\\b', oneToken],
  [
    'consists of 8,193 characters',
    () => 'x'.repeat(8193),
    'invalid_token: The token is longer than 8192 characters.',
  ],
  ['is empty', () => '', oneToken],
  ['is garbage', () => 'garbage', malformed],
  ['consists of three dots', () => '...', malformed],
  ['has alg none', () => `${encode({ alg: 'none' })}.${encode(payload())}.`, wrongAlgorithm],
  ['has alg nOnE', () => `${encode({ alg: 'nOnE', kid: 'first' })}.${encode(payload())}.`, wrongAlgorithm],
  ['has no alg', () => `${encode({ kid: 'first' })}.${encode(payload())}.${encode('x')}`, malformed],
  [
    'is HS256 with the public key as PEM',
    async () => signWithSecret(await exportSPKI((await importJWK(published())) as CryptoKey)),
    wrongAlgorithm,
  ],
  ['is HS256 with the public key as JWK', () => signWithSecret(JSON.stringify(published())), wrongAlgorithm],
  ['is HS256 with the modulus', () => signWithSecret(String(published().n)), wrongAlgorithm],
  ['has another issuer', () => sign({ iss: 'https://evil.example.com/' }), wrongIssuer],
  [
    'has an issuer that only starts with the configured one',
    () => sign({ iss: `${issuerName}x` }),
    wrongIssuer,
  ],
  ['has a list of issuers', () => sign({ iss: [issuerName] }), wrongIssuer],
  ['has no issuer', () => sign({ iss: undefined }), wrongIssuer],
  ['is for another audience', () => sign({ aud: 'other' }), wrongAudience],
  ['is for other audiences', () => sign({ aud: ['other', `${audience}2`] }), wrongAudience],
  ['has no audience', () => sign({ aud: undefined }), wrongAudience],
  [
    'has no audience and another client_id',
    () => sign({ aud: undefined, client_id: `${audience}2` }),
    wrongAudience,
  ],
  [
    'has no audience and a list of objects as client_id',
    () => sign({ aud: undefined, client_id: [{ 0: audience }] }),
    wrongAudience,
  ],
  [
    'has another audience and the right client_id',
    () => sign({ aud: 'x', client_id: audience }),
    wrongAudience,
  ],
  [
    'has null as audience and the right client_id',
    () => sign({ aud: null, client_id: audience }),
    wrongAudience,
  ],
  ['has two audiences in one string', () => sign({ aud: `${audience},second` }), wrongAudience],
  [
    'is expired by more than the leeway',
    () => sign({ exp: seconds() - 31 }),
    'invalid_token: The token has expired.',
  ],
  ['has an expiry below zero', () => sign({ exp: -(2 ** 53) }), 'invalid_token: The token has expired.'],
  ['has null as expiry', () => sign({ exp: null }), noExpiry],
  ['was issued in the future by more than the leeway', () => sign({ iat: seconds() + 35 }), fromFuture],
  ['was issued at 1e300', () => sign({ iat: 1e300 }), fromFuture],
  ['has an issue time that is no number', () => sign({ iat: '0' }), fromFuture],
  ['is not valid before 1e300', () => sign({ nbf: 1e300 }), 'invalid_token: The token is not valid yet.'],
  ['has no expiry', () => sign({ exp: undefined }), noExpiry],
  ['has an expiry that is no number', () => sign({ exp: 'tomorrow' }), noExpiry],
  [
    'is not valid yet by more than the leeway',
    () => sign({ nbf: seconds() + 35 }),
    'invalid_token: The token is not valid yet.',
  ],
  ['has an unknown kid', () => signWith('unknown'), unknownKey],
  ['has the kid of another key', () => signWith('first'), wrongSignature],
  ['has a path as kid', () => sign({}, { kid: '../../../dev/null' }), unknownKey],
  ['has __proto__ as kid', () => sign({}, { kid: '__proto__' }), unknownKey],
  [
    'carries its own key',
    async () => signWith('own', { jwk: (await issuer.createKey('own')).jwk }),
    unknownKey,
  ],
  ['carries the URL of its key', () => signWith('own', { jku: foreignUrl, x5u: foreignUrl }), unknownKey],
  [
    'requires an unknown extension',
    () => sign({}, { crit: ['unknownExtension'], unknownExtension: 1 }),
    malformed,
  ],
  [
    'was changed after signing',
    async () => (await sign()).replace(/\.[^.]*\./, `.${encode(payload())}.`),
    wrongSignature,
  ],
  ['has no signature', async () => (await sign()).replace(/[^.]*$/, ''), wrongSignature],
  [
    'has an ES256 signature of zeros',
    () =>
      `${encode({ alg: 'ES256', kid: 'first' })}.${encode(payload())}.${Buffer.alloc(64).toString('base64url')}`,
    unknownKey,
  ],
  [
    'is encrypted to the public key',
    async () => {
      const { kty, n, e } = published() as { kty: string; n: string; e: string };
      const key = await importJWK({ kty, n, e }, 'RSA-OAEP');
      const header = { alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'first' };
      return new CompactEncrypt(Buffer.from(JSON.stringify(payload())))
        .setProtectedHeader(header)
        .encrypt(key);
    },
    malformed,
  ],
  [
    'is longer than 8,000 characters',
    () => sign({ padding: 'x'.repeat(8000) }),
    'invalid_token: The token is longer than 8192 characters.',
  ],
  ['is the second of two in one header', async () => `garbage, Bearer ${await sign()}`, oneToken],
];

describe('a request whose token', () => {
  it.each(invalidTokens)(
    '%s is rejected as UNAUTHENTICATED, and the challenge says why',
    async (_, make, challenge) => {
      const headers = { authorization: `Bearer ${await make()}`, 'x-request-id': 'r' };
      const outcome = await survive(gateway, () => post(gateway, requestBody, headers));
      expect(outcome).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(JSON.parse(outcome.body)).toEqual({
        errors: [
          {
            message: 'Expected a valid bearer token.',
            extensions: { code: 'UNAUTHENTICATED', retryable: false, requestId: 'r' },
          },
        ],
      });
      const [error, description] = challenge.split(': ');
      expect(outcome.headers.get('www-authenticate')).toBe(
        `Bearer error="${error}", error_description="${description}"`,
      );
      expect(gateway.simulator.requests).toBe(0);
      expect(foreignRequests).toBe(0);
    },
  );

  it.each<[string, () => Record<string, string> | Promise<Record<string, string>>]>([
    ['is missing', () => ({})],
    ['has no scheme', async () => ({ authorization: await sign() })],
    ['has the scheme Basic', async () => ({ authorization: `Basic ${await sign()}` })],
    ['is in the header x-authorization', async () => ({ 'x-authorization': `Bearer ${await sign()}` })],
    ['is replaced by the API key of the gateway', () => ({ 'x-api-key': apiKey })],
    ['is in an empty header', () => ({ authorization: '' })],
    ['has a scheme that starts with Bearer', async () => ({ authorization: `BearerToken ${await sign()}` })],
    ['follows the scheme and a comma', async () => ({ authorization: `Bearer,${await sign()}` })],
    [
      'is a parameter of the scheme Digest',
      async () => ({ authorization: `Digest token="${await sign()}"` }),
    ],
    ['has spaces in front of 8,000 letters', () => ({ authorization: `${'x '.repeat(4000)}` })],
  ])('%s is rejected as UNAUTHENTICATED, and the challenge has no error', async (_, make) => {
    const headers = await make();
    const outcome = await survive(gateway, () => post(gateway, requestBody, headers));
    expect(outcome).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(outcome.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('is signed with a symmetric key that the issuer published is rejected as UNAUTHENTICATED', async () => {
    const secret = Buffer.from('a secret that is published');
    const key = {
      kid: 'secret',
      alg: 'HS256',
      jwk: { kty: 'oct', kid: 'secret', alg: 'HS256', k: secret.toString('base64url') },
    };
    issuer.published.push({ ...key, privateKey: {} as CryptoKey });
    const token = await new SignJWT(payload())
      .setProtectedHeader({ alg: 'HS256', kid: 'secret' })
      .sign(secret);
    const outcome = await survive(gateway, () =>
      post(gateway, requestBody, { authorization: `Bearer ${token}` }),
    );
    expect(outcome).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(gateway.log.at(-1)).toMatchObject({ reason: 'ERR_JOSE_ALG_NOT_ALLOWED' });
    issuer.published.pop();
  });

  it('exceeds the limit of header bytes is rejected with 431', async () => {
    const headers = { authorization: `Bearer ${'x'.repeat(20_000)}` };
    const outcome = await survive(gateway, () => post(gateway, requestBody, headers));
    expect(outcome).toMatchObject({ status: 431, code: 'BAD_REQUEST' });
  });

  it('is in the URL is rejected with 401', async () => {
    const search = `?access_token=${await sign()}&query={__typename}`;
    const response = await gateway.fetch(`/graphql${search}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(response.status).toBe(401);
  });

  it('is missing is rejected before its body is read or an operation is logged', async () => {
    await post(gateway, 'not even JSON');
    expect(gateway.log.map(({ msg, code, reason }) => [msg, code, reason])).toEqual([
      ['requestRejected', 'UNAUTHENTICATED', 'no token'],
    ]);
  });

  it('is invalid writes no part of the token to the log or the challenge', async () => {
    for (const [, make] of invalidTokens) {
      const token = await make();
      const { headers } = await post(gateway, requestBody, { authorization: `Bearer ${token}` });
      const parts = token.split(/[., ]/).filter((part) => part.length > 6);
      const text = JSON.stringify([gateway.log, headers.get('www-authenticate')]);
      expect(parts.filter((part) => text.includes(part))).toEqual([]);
    }
  }, 20_000);
});

describe('the challenge', () => {
  it.each(['", error="x', 'x\\"y', 'a\r\nset-cookie: a=b', '%22%0d%0a'])(
    'contains nothing of a token whose key id and issuer are %j',
    async (text) => {
      const tokens = [await sign({}, { kid: text }), await sign({ iss: text }), await signWith(text)];
      const challenges = await Promise.all(
        tokens.map(async (token) => {
          const { headers } = await post(gateway, requestBody, { authorization: `Bearer ${token}` });
          return [headers.get('www-authenticate'), headers.get('set-cookie')];
        }),
      );
      const [unknown, issuerOnly] = [unknownKey, wrongIssuer].map((challenge) => challenge.split(': ')[1]);
      expect(challenges).toEqual(
        [unknown, issuerOnly, unknown].map((description) => [
          `Bearer error="invalid_token", error_description="${description}"`,
          null,
        ]),
      );
    },
  );
});

describe('a bearer token', () => {
  const ask = async (token: string) => {
    const { status, body } = await post(gateway, requestBody, { authorization: `Bearer ${token}` });
    return [status, JSON.parse(body)];
  };

  it.each<[string, MakeToken]>([
    ['with valid claims', () => sign()],
    ['after several spaces', async () => `  ${await sign()}`],
    ['after a tab', async () => `\t${await sign()}`],
    ['for several audiences', () => sign({ aud: ['other', audience] })],
    ['for the second audience of JWT_AUDIENCE', () => sign({ aud: 'second' })],
    ['for a client_id in place of an audience', () => sign({ aud: undefined, client_id: 'second' })],
    ['with an expiry of 2^53', () => sign({ exp: 2 ** 53 })],
    ['with an expiry of 1e300', () => sign({ exp: 1e300 })],
    ['with a fraction as expiry', () => sign({ exp: seconds() + 60.123_456 })],
    ['with an expiry in less than a millisecond', () => sign({ exp: gateway.now() / 1000 + 0.0001 })],
    ['that was issued within the leeway', () => sign({ iat: seconds() + 25 })],
    ['that was issued before 1970', () => sign({ iat: -1.5 })],
    ['without an issue time', () => sign({ iat: undefined })],
    ['that expired within the leeway', () => sign({ exp: seconds() - 25 })],
    ['that becomes valid within the leeway', () => sign({ nbf: seconds() + 25 })],
  ])('%s is accepted', async (_, make) => {
    expect(await ask(await make())).toEqual([200, total]);
  });

  it('with an infinite expiry is accepted and starts no timer with a wrong time', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    const token = await signText((claims) => claims.replace(/"exp":\d+/, '"exp":1e999'));
    for (let n = 0; n < 2; n += 1) expect(await ask(token)).toEqual([200, total]);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it.each(['RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'])('signed with %s is accepted', async (alg) => {
    const key = await issuer.createKey(`key of ${alg}`, alg);
    issuer.published.push(key);
    expect(await ask(await issuer.sign(gateway.now(), { key, claims: { customer_id: customer } }))).toEqual([
      200,
      total,
    ]);
  });

  it('that was verified before is rejected after its expiry', async () => {
    const token = await sign();
    expect(await ask(token)).toEqual([200, total]);
    gateway.advance(599_000);
    expect(await ask(token)).toEqual([200, total]);
    gateway.advance(32_000);
    expect((await ask(token))[0]).toBe(401);
  });

  it('that was verified before is rejected after its expiry by the wall clock, if the machine was suspended', async () => {
    const token = await sign();
    expect(await ask(token)).toEqual([200, total]);
    gateway.jump(632_000);
    expect((await ask(token))[0]).toBe(401);
  });
});
