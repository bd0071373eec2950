import { describe, expect, it } from '@jest/globals';
import { type Gateway, startWith, until, useGateway, useReplicas } from '../support/gateway.ts';
import { apiKey, customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

const variables = { entitlementId: entitlement, customerId: customer };
const answered = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };
const unknown = {
  errors: [
    {
      message: expect.any(String),
      extensions: { code: 'UNAUTHENTICATED', retryable: false, requestId: expect.any(String) },
    },
  ],
};

describe('behind a router', () => {
  const secret = 'router-secret-0123456789';
  const gateway = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: secret });

  it('whoever bears its secret sees every customer', async () => {
    const { status, body } = await gateway.gql(totalQuery, variables, {
      headers: { 'x-router-secret': secret },
    });
    expect([status, body]).toEqual([200, answered]);
  });

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['an empty one', { 'x-router-secret': '' }],
    ['another', { 'x-router-secret': 'router-secret-0123456780' }],
    ['the beginning of it', { 'x-router-secret': secret.slice(0, -1) }],
    ['more than it', { 'x-router-secret': `${secret}0` }],
    ['it twice', { 'x-router-secret': `${secret}, ${secret}` }],
    ['it as a token', { authorization: `Bearer ${secret}` }],
  ])('whoever bears %s is not known', async (_, headers) => {
    const { status, body, headers: answer } = await gateway.gql(totalQuery, variables, { headers });
    expect([status, body]).toEqual([401, unknown]);
    expect(answer.get('www-authenticate')).toBe('RouterSecret');
    expect(gateway.simulator.requests).toBe(0);
    expect(JSON.stringify(gateway.wholeLog)).not.toContain(secret);
  });

  it('probes need no secret', async () => {
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('with credentials of their own', () => {
  const [gateway] = useReplicas(1, () => ({
    AUTH_MODE: 'passthrough',
    ZENSKAR_API_KEY: '',
    ZENSKAR_ORGANISATION: '',
    UPSTREAM_RETRIES: '0',
    UPSTREAM_CONCURRENCY: '2',
    UPSTREAM_BREAKER_FAILURES: '3',
  })) as [Gateway];
  const one = { 'x-api-key': 'key-of-the-one', organisation: 'organisation-of-the-one' };
  const other = { 'x-api-key': 'key-of-the-other', organisation: 'organisation-of-the-other' };
  const ask = (headers: Record<string, string>, rest: object = {}) =>
    gateway.gql(totalQuery, { ...variables, ...rest }, { headers });

  it('callers ask Zenskar with these, and share nothing with each other', async () => {
    expect((await ask(one)).body).toEqual(answered);
    expect((await ask(other)).body).toEqual(answered);
    expect((await ask(one)).body).toEqual(answered);
    const sent = gateway.simulator.requestHeaders.map(({ 'x-api-key': key, organisation }) => [
      key,
      organisation,
    ]);
    expect(sent).toEqual([Object.values(one), Object.values(other)]);
  });

  it('the same key in another organisation is another caller', async () => {
    await ask(one);
    await ask({ ...one, organisation: other.organisation });
    expect(gateway.simulator.requests).toBe(2);
  });

  it.each<[string, Record<string, string>]>([
    ['a key', { 'x-api-key': 'key' }],
    ['an organisation', { organisation: 'organisation' }],
    ['nothing', {}],
    ['an empty key', { 'x-api-key': '', organisation: 'organisation' }],
    ['a key of two words', { 'x-api-key': 'a b', organisation: 'organisation' }],
    ['a key beyond ASCII', { 'x-api-key': 'ké', organisation: 'organisation' }],
  ])('a caller that brings %s alone is not known', async (_, headers) => {
    const { status, body, headers: answer } = await ask(headers);
    expect([status, body]).toEqual([401, unknown]);
    expect(answer.get('www-authenticate')).toBe('ApiKey');
    expect(gateway.simulator.requests).toBe(0);
  });

  it('a caller whose calls fail does not close the way for another', async () => {
    for (let n = 0; n < 4; n += 1) await ask(one, { customerId: customerOf('0503'), startDate: n });
    expect((await ask(one)).body.errors?.[0].extensions.code).toBe('UPSTREAM_UNAVAILABLE');
    expect((await ask(other)).body).toEqual(answered);
  });

  it('a caller whose calls hang does not take the places of another', async () => {
    const slow = { 'x-api-key': 'key-of-a-slow-one', organisation: 'organisation' };
    const hanging = [1, 2, 3].map((startDate) => ask(slow, { customerId: customerOf('d7d0'), startDate }));
    await until(() => gateway.simulator.requests === 2);
    expect((await ask(other)).body).toEqual(answered);
    await Promise.all(hanging);
  });

  it('their keys leave no trace in the log', async () => {
    for (const code of ['0401', '0403', '0404', '0422', '3422', '0429', '0500', '5200', '8888'])
      await ask(one, { customerId: customerOf(code) });
    await ask({ 'x-api-key': 'key-without-a-home' });
    const text = JSON.stringify(gateway.wholeLog);
    expect(text).toContain('UPSTREAM_REJECTED_CREDENTIALS');
    for (const secret of [...Object.values(one), ...Object.values(other), 'key-without-a-home', apiKey])
      expect(text).not.toContain(secret);
  });
});

describe('with the explorer on, a caller that is not known', () => {
  const gateway = useGateway({
    AUTH_MODE: 'router',
    ROUTER_SECRET: 'router-secret',
    GRAPHQL_EXPLORER: 'sandbox',
  });
  const search = `?query=${encodeURIComponent('{ __typename }')}`;

  it('sees its page', async () => {
    const response = await gateway.fetch('/graphql', { headers: { accept: 'text/html' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html']);
  });

  it.each([
    'application/json, text/html',
    'application/json;x="text/html"',
    'text/html;q=0.1, application/json',
  ])('gets nothing else by accepting %s', async (accept) => {
    const headers = { accept, 'apollo-require-preflight': '1' };
    const response = await gateway.fetch(`/graphql${search}`, { headers });
    expect([response.status, await response.json()]).toEqual([401, unknown]);
    expect((await gateway.gql('{ __typename }', {}, { headers })).status).toBe(401);
  });
});

describe('an answer', () => {
  it.each([
    ['router', { ROUTER_SECRET: 'router-secret' }, 'accept, x-router-secret'],
    ['passthrough', {}, 'accept, x-api-key, organisation'],
    ['none', {}, 'accept'],
  ])('with AUTH_MODE=%s says which headers it follows from', async (mode, rest, vary) => {
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

describe('whoever guesses', () => {
  const gateway = useGateway({
    AUTH_MODE: 'router',
    ROUTER_SECRET: 'router-secret',
    RATE_LIMIT_PER_MINUTE: '3',
  });

  it('is limited like any other', async () => {
    const guess = (secret: string) =>
      gateway.gql('{ __typename }', {}, { headers: { 'x-router-secret': secret } });
    for (let n = 0; n < 3; n += 1) expect((await guess(`guess ${n}`)).status).toBe(401);
    expect((await guess('guess 3')).body.errors?.[0].extensions.code).toBe('RATE_LIMITED');
  });
});
