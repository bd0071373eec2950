import { describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

const app = 'https://app.example.com';
const json = { 'content-type': 'application/json' };
const variables = { entitlementId: entitlement, customerId: customer };
const body = JSON.stringify({ query: totalQuery, variables });
const answered = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };
const searchOf = (customerId: string) =>
  `?${new URLSearchParams({ query: totalQuery, variables: JSON.stringify({ ...variables, customerId }) })}`;
const allowGet = { 'apollo-require-preflight': '1' };

const ofGraphQL = { allow: 'GET, HEAD, POST, QUERY, OPTIONS', 'accept-query': 'application/json' };
const ofGet = { allow: 'GET, HEAD, OPTIONS', 'accept-query': null };

function pick(response: Response, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, response.headers.get(name)]));
}

describe.each([
  ['without CORS_ORIGINS', {}],
  ['with CORS_ORIGINS', { CORS_ORIGINS: app }],
])('OPTIONS %s', (_, environment) => {
  const gateway = useGateway({ ...environment, PURGE_TOKEN: 'a-purge-token-0123456789-0123456789' });

  it.each([
    ['/graphql', ofGraphQL],
    ['/graphql/', ofGraphQL],
    ['/livez', ofGet],
    ['/readyz', ofGet],
  ])('%s is answered with status 204 and the allowed methods', async (path, expected) => {
    const response = await gateway.fetch(path, { method: 'OPTIONS' });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(pick(response, ['allow', 'accept-query'])).toEqual(expected);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    ['/metrics', ofGet],
    ['/livez', ofGet],
    ['/purge', { allow: 'POST, OPTIONS', 'accept-query': null }],
  ])(
    '%s of the admin listener is answered with status 204 and the allowed methods',
    async (path, expected) => {
      const response = await fetch(`${gateway.adminUrl}${path}`, { method: 'OPTIONS' });
      expect([response.status, await response.text()]).toEqual([204, '']);
      expect(pick(response, ['allow', 'accept-query'])).toEqual(expected);
    },
  );

  it('of an unknown path is answered with status 404', async () => {
    expect((await gateway.fetch('/nowhere', { method: 'OPTIONS' })).status).toBe(404);
  });
});

describe('a CORS preflight', () => {
  const gateway = useGateway({ CORS_ORIGINS: app });

  it('of a QUERY is allowed for a listed origin and for no other', async () => {
    for (const [origin, allowed] of [
      [app, app],
      ['https://evil.example.com', null],
    ] as const) {
      const response = await gateway.fetch('/graphql', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'QUERY',
          'access-control-request-headers': 'content-type',
        },
      });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
      expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,QUERY');
      expect(response.headers.get('access-control-max-age')).toBe('600');
    }
  });
});

describe('/graphql/', () => {
  const gateway = useGateway();

  it('is the same path as /graphql', async () => {
    const response = await gateway.fetch('/graphql/', { method: 'POST', headers: json, body });
    expect([response.status, await response.json()]).toEqual([200, answered]);
    const byGet = await gateway.fetch(`/graphql/${searchOf(customer)}`, { headers: allowGet });
    expect([byGet.status, await byGet.json()]).toEqual([200, answered]);
  });
});

describe('QUERY /graphql', () => {
  const gateway = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: 'a-secret-of-the-router-0123456789' });
  const headers = { ...json, 'x-router-secret': 'a-secret-of-the-router-0123456789' };

  it('answers as POST does, for this caller only', async () => {
    for (let n = 0; n < 8; n += 1) {
      const response = await gateway.fetch('/graphql', { method: 'QUERY', headers, body });
      expect([response.status, await response.json()]).toEqual([200, answered]);
      expect(response.headers.get('cache-control')).toMatch(/^private, max-age=(29|30)$/);
      expect(response.headers.get('vary')).toBe('accept, x-router-secret');
    }
  });

  it('needs credentials', async () => {
    const response = await gateway.fetch('/graphql', { method: 'QUERY', headers: json, body });
    expect(response.status).toBe(401);
  });

  it('executes no mutation', async () => {
    const mutation = JSON.stringify({ query: 'mutation { __typename }' });
    const accept = 'application/graphql-response+json';
    const response = await gateway.fetch('/graphql', {
      method: 'QUERY',
      headers: { ...headers, accept },
      body: mutation,
    });
    const { errors, ...others } = JSON.parse(await response.text());
    expect([response.status, errors[0].extensions.code, others]).toEqual([422, 'BAD_USER_INPUT', {}]);
    expect(gateway.simulator.requestHeaders).toEqual([]);
  });
});

describe('HEAD', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'graphiql' });
  const asBrowser = { accept: 'text/html' };

  it.each<[name: string, path: string, headers: Record<string, string>]>([
    ['/livez', '/livez', {}],
    ['/readyz', '/readyz', {}],
    ['of the explorer', '/graphql', asBrowser],
    ['of the explorer at /graphql/', '/graphql/', asBrowser],
    ['of a total', `/graphql${searchOf(customer)}`, allowGet],
    ['of an invalid document', '/graphql?query={', allowGet],
  ])('%s gets the status and the headers of its GET without a body', async (_, path, headers) => {
    gateway.stopClock();
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) =>
        gateway.fetch(path, { method, headers: { ...headers, 'x-request-id': 'same' } }),
      ),
    );
    // fetch asks the gateway to close the connection after a HEAD.
    const connection = { date: '', connection: '', 'keep-alive': '' };
    const toSeen = (response: Response | undefined) => [
      response?.status,
      { ...Object.fromEntries(response?.headers ?? []), ...connection },
    ];
    expect(toSeen(head)).toEqual(toSeen(get));
    expect(await get?.text()).not.toBe('');
    expect(await head?.text()).toBe('');
  });

  it('/metrics gets the status and content type of its GET without a body', async () => {
    const response = await fetch(`${gateway.adminUrl}/metrics`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1000);
  });

  it('of a slow total that its client leaves cancels the upstream call', async () => {
    const client = new AbortController();
    const answer = gateway.fetch(`/graphql${searchOf(customerOf('9999'))}`, {
      method: 'HEAD',
      headers: allowGet,
      signal: client.signal,
    });
    await until(() => gateway.simulator.requestHeaders.length === 1);
    client.abort();
    await expect(answer).rejects.toThrow('aborted');
    await until(() => gateway.simulator.aborted === 1);
    await until(() =>
      gateway.log.some(({ msg, outcome }) => msg === 'operationEnded' && outcome === 'cancelled'),
    );
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^upstream_inflight 0$/m);
    expect(metrics).toMatch(/^upstream_queue 0$/m);
  });
});
