import { describe, expect, it } from '@jest/globals';
import { type Gateway, startWith, until, useGateway, useReplicas } from '../support/gateway.ts';
import { apiKey, customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

const variables = { entitlementId: entitlement, customerId: customer };
const total = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };
const unauthenticated = {
  errors: [
    {
      message: expect.any(String),
      extensions: { code: 'UNAUTHENTICATED', retryable: false, requestId: expect.any(String) },
    },
  ],
};

describe('AUTH_MODE=router', () => {
  const secret = 'router-secret-0123456789';
  const gateway = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: secret });

  it('lets requests with the secret of the router see every customer', async () => {
    const { status, body } = await gateway.gql(totalQuery, variables, {
      headers: { 'x-router-secret': secret },
    });
    expect([status, body]).toEqual([200, total]);
  });

  it.each<[string, Record<string, string>]>([
    ['no header', {}],
    ['an empty secret', { 'x-router-secret': '' }],
    ['a secret with another last digit', { 'x-router-secret': 'router-secret-0123456780' }],
    ['all but the last digit of the secret', { 'x-router-secret': secret.slice(0, -1) }],
    ['the secret and a further digit', { 'x-router-secret': `${secret}0` }],
    ['the secret twice', { 'x-router-secret': `${secret}, ${secret}` }],
    ['the secret as a bearer token', { authorization: `Bearer ${secret}` }],
  ])('rejects requests with %s as UNAUTHENTICATED', async (_, headers) => {
    const { status, body, headers: responseHeaders } = await gateway.gql(totalQuery, variables, { headers });
    expect([status, body]).toEqual([401, unauthenticated]);
    expect(responseHeaders.get('www-authenticate')).toBe('RouterSecret');
    expect(gateway.simulator.requests).toBe(0);
    expect(JSON.stringify(gateway.wholeLog)).not.toContain(secret);
  });

  it('answers probes without the secret', async () => {
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('AUTH_MODE=passthrough', () => {
  const [gateway] = useReplicas(1, () => ({
    AUTH_MODE: 'passthrough',
    ZENSKAR_API_KEY: '',
    ZENSKAR_ORGANISATION: '',
    UPSTREAM_RETRIES: '0',
    UPSTREAM_CONCURRENCY: '2',
    UPSTREAM_BREAKER_FAILURES: '3',
  })) as [Gateway];
  const first = { 'x-api-key': 'key-of-the-first', organisation: 'organisation-of-the-first' };
  const second = { 'x-api-key': 'key-of-the-second', organisation: 'organisation-of-the-second' };
  const ask = (headers: Record<string, string>, rest: object = {}) =>
    gateway.gql(totalQuery, { ...variables, ...rest }, { headers });

  it('forwards the credentials of each caller to Zenskar and shares no totals between them', async () => {
    expect((await ask(first)).body).toEqual(total);
    expect((await ask(second)).body).toEqual(total);
    expect((await ask(first)).body).toEqual(total);
    const sent = gateway.simulator.requestHeaders.map(({ 'x-api-key': key, organisation }) => [
      key,
      organisation,
    ]);
    expect(sent).toEqual([Object.values(first), Object.values(second)]);
  });

  it('treats the same key with another organisation as another tenant', async () => {
    await ask(first);
    await ask({ ...first, organisation: second.organisation });
    expect(gateway.simulator.requests).toBe(2);
  });

  it.each<[string, Record<string, string>]>([
    ['only a key', { 'x-api-key': 'key' }],
    ['only an organisation', { organisation: 'organisation' }],
    ['no credentials', {}],
    ['an empty key', { 'x-api-key': '', organisation: 'organisation' }],
    ['a key with a space', { 'x-api-key': 'a b', organisation: 'organisation' }],
    ['a key with a character outside ASCII', { 'x-api-key': 'ké', organisation: 'organisation' }],
  ])('rejects requests with %s as UNAUTHENTICATED', async (_, headers) => {
    const { status, body, headers: responseHeaders } = await ask(headers);
    expect([status, body]).toEqual([401, unauthenticated]);
    expect(responseHeaders.get('www-authenticate')).toBe('ApiKey');
    expect(gateway.simulator.requests).toBe(0);
  });

  it('keeps the circuit of one caller closed while calls of another fail', async () => {
    for (let n = 0; n < 4; n += 1) await ask(first, { customerId: customerOf('0503'), startDate: n });
    expect((await ask(first)).body.errors?.[0].extensions.code).toBe('UPSTREAM_UNAVAILABLE');
    expect((await ask(second)).body).toEqual(total);
  });

  it('leaves the concurrency of one caller free while calls of another hang', async () => {
    const slow = { 'x-api-key': 'key-of-a-slow-caller', organisation: 'organisation' };
    const hanging = [1, 2, 3].map((startDate) => ask(slow, { customerId: customerOf('d7d0'), startDate }));
    await until(() => gateway.simulator.requests === 2);
    expect((await ask(second)).body).toEqual(total);
    await Promise.all(hanging);
  });

  it('writes no credentials to the log', async () => {
    for (const code of ['0401', '0403', '0404', '0422', '3422', '0429', '0500', '5200', '8888'])
      await ask(first, { customerId: customerOf(code) });
    await ask({ 'x-api-key': 'key-without-an-organisation' });
    const text = JSON.stringify(gateway.wholeLog);
    expect(text).toContain('UPSTREAM_REJECTED_CREDENTIALS');
    for (const secret of [
      ...Object.values(first),
      ...Object.values(second),
      'key-without-an-organisation',
      apiKey,
    ])
      expect(text).not.toContain(secret);
  });
});

describe('an unauthenticated request while the explorer is on', () => {
  const gateway = useGateway({
    AUTH_MODE: 'router',
    ROUTER_SECRET: 'router-secret',
    GRAPHQL_EXPLORER: 'sandbox',
  });
  const search = `?query=${encodeURIComponent('{ __typename }')}`;

  it('gets the explorer page', async () => {
    const response = await gateway.fetch('/graphql', { headers: { accept: 'text/html' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(response.headers.get('vary')).toMatch(/\baccept\b/);
  });

  it.each([
    'application/json, text/html',
    'application/json;x="text/html"',
    'text/html;q=0.1, application/json',
  ])('gets no GraphQL response by accepting %s', async (accept) => {
    const headers = { accept, 'apollo-require-preflight': '1' };
    const response = await gateway.fetch(`/graphql${search}`, { headers });
    expect([response.status, await response.json()]).toEqual([401, unauthenticated]);
    expect((await gateway.gql('{ __typename }', {}, { headers })).status).toBe(401);
  });
});

describe('the vary header', () => {
  it.each([
    ['router', { ROUTER_SECRET: 'router-secret' }, 'accept, x-router-secret'],
    ['passthrough', {}, 'accept, x-api-key, organisation'],
    ['none', {}, 'accept'],
  ])('with AUTH_MODE=%s lists the headers that identify callers', async (mode, rest, vary) => {
    const app = await startWith({ AUTH_MODE: mode, CORS_ORIGINS: 'https://app.example.com', ...rest });
    const headers = {
      'content-type': 'application/json',
      origin: 'https://app.example.com',
      'x-router-secret': 'router-secret',
      'x-api-key': 'key',
      organisation: 'organisation',
    };
    const body = JSON.stringify({ query: '{ __typename }' });
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body });
    expect(response.headers.get('vary')).toBe(`Origin, ${vary}`);
    await app.stop();
  });
});

describe('the rate limit of unauthenticated requests', () => {
  const gateway = useGateway({
    AUTH_MODE: 'router',
    ROUTER_SECRET: 'router-secret',
    RATE_LIMIT_PER_MINUTE: '3',
  });

  it('counts failed authentication by client address', async () => {
    const guess = (secret: string) =>
      gateway.gql('{ __typename }', {}, { headers: { 'x-router-secret': secret } });
    for (let n = 0; n < 3; n += 1) expect((await guess(`guess ${n}`)).status).toBe(401);
    expect((await guess('guess 3')).body.errors?.[0].extensions.code).toBe('RATE_LIMITED');
  });
});
