import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement, totalQuery } from '../support/ids.ts';

const app = 'https://app.example.com';
const sandbox = 'https://sandbox.embed.apollographql.com';
const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
const variables = { entitlementId: entitlement, customerId: customer };

const preflight = (origin: string): RequestInit => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-request-id',
  },
});

describe('the main listener', () => {
  const gateway = useGateway({ CORS_ORIGINS: app });

  it('answers /livez and /readyz with status 200 and security headers', async () => {
    for (const path of ['/livez', '/readyz']) {
      const response = await gateway.fetch(path);
      expect([response.status, await response.text()]).toEqual([200, 'ok']);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it('answers a query by GET with a header that prevents CSRF', async () => {
    const search = new URLSearchParams({ query: totalQuery, variables: JSON.stringify(variables) });
    const response = await gateway.fetch(`/graphql?${search}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      data: { customerEntitlementTotal: { quantity: expect.any(Number) } },
    });
  });

  it('uses a valid x-request-id in the response, upstream and in the log', async () => {
    const requestId = `id-${'x'.repeat(125)}`;
    const { headers } = await gateway.gql(totalQuery, variables, { headers: { 'x-request-id': requestId } });
    expect(headers.get('x-request-id')).toBe(requestId);
    expect(gateway.simulator.requestHeaders[0]?.['x-request-id']).toBe(requestId);
    expect(gateway.log.map((line) => line.requestId)).toEqual([requestId, requestId]);
  });

  it.each(['x'.repeat(129), 'ümlaut', 'tab\tbed'])(
    'replaces the invalid x-request-id %j by a new one',
    async (requestId) => {
      const { headers } = await gateway.gql('{ __typename }', {}, { headers: { 'x-request-id': requestId } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('allows the origins in CORS_ORIGINS and no others', async () => {
    const allowed = await gateway.fetch('/graphql', preflight(app));
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(app);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('content-type,x-request-id');
    expect(allowed.headers.get('vary')).toMatch(/Origin/);
    for (const origin of [sandbox, `${app}.evil.com`, 'null', 'http://app.example.com']) {
      const rejected = await gateway.fetch('/graphql', preflight(origin));
      expect(rejected.headers.get('access-control-allow-origin')).toBeNull();
    }
    const { headers } = await gateway.gql('{ __typename }', {}, { headers: { origin: app } });
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-expose-headers')).toBe('x-request-id,retry-after,www-authenticate');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each([
    'null',
    `${app}/`,
    app.toUpperCase(),
    `${app}, ${app}`,
    `${app} https://evil.example`,
    `https://${'x'.repeat(10_000)}.example`,
    Array.from({ length: 500 }, (_, n) => `https://${n}.example`).join(','),
  ])('allows no origin by the header %.60s', async (origin) => {
    const { status, headers } = await gateway.gql('{ __typename }', {}, { headers: { origin } });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, null]);
  });

  it('serves no explorer by default', async () => {
    const response = await gateway.fetch('/graphql', asBrowser);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\//);
    expect((await gateway.fetch('/graphql/graphiql.js')).status).toBe(404);
  });
});

describe('CORS_ORIGINS with the origins of apps and browser extensions', () => {
  const origins = [
    'capacitor://localhost',
    'tauri://localhost',
    'chrome-extension://abc',
    'moz-extension://a-b',
  ];
  const gateway = useGateway({ CORS_ORIGINS: origins.join(',') });

  it.each(origins)('allows %s', async (origin) => {
    const allowed = await gateway.fetch('/graphql', preflight(origin));
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    const { headers } = await gateway.gql('{ __typename }', {}, { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
  });

  it.each(['null', 'capacitor://other', 'CAPACITOR://localhost', 'http://localhost'])(
    'does not allow %s',
    async (origin) => {
      const rejected = await gateway.fetch('/graphql', preflight(origin));
      expect(rejected.headers.get('access-control-allow-origin')).toBeNull();
    },
  );
});

describe('GRAPHQL_EXPLORER=sandbox', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'sandbox', GRAPHQL_INTROSPECTION: 'true' });

  it('serves Sandbox to a browser, with a policy that allows its origins and forbids frames', async () => {
    const response = await gateway.fetch('/graphql', asBrowser);
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(response.headers.get('content-security-policy')).toBe(
      "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'",
    );
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
    const [script = ''] = /https:\/\/embeddable-sandbox\.cdn\.apollographql\.com/.exec(page) ?? [];
    expect(policy).toContain(script);
    expect(policy).toContain(`frame-src https://explorer.embed.apollographql.com ${sandbox}`);
  });

  it.each([sandbox, 'https://studio.apollographql.com'])('allows the origin %s', async (origin) => {
    const response = await gateway.fetch('/graphql', preflight(origin));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,QUERY');
  });

  it('answers introspection and suggests names for misspelt fields', async () => {
    const { body } = await gateway.gql('{ __schema { queryType { name } } }');
    expect(body).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
    const misspelt = await gateway.gql('{ customerEntitlementTotl }');
    expect(misspelt.body.errors?.[0].message).toMatch(/Did you mean "customerEntitlementTotal"/);
  });
});

describe('GRAPHQL_EXPLORER=graphiql', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'graphiql', GRAPHQL_INTROSPECTION: 'true' });

  it.each([
    ['application/graphql-response+json, text/html;q=0', 'application/graphql-response+json; charset=utf-8'],
    ['application/json, text/html;q=0.5', 'application/json; charset=utf-8'],
    ['text/htmlx, */*;q=0.1', 'application/json; charset=utf-8'],
    ['TEXT/HTML', 'text/html'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ])('serves the page only to clients that prefer it: %s', async (accept, type) => {
    const search = new URLSearchParams({ query: '{ __typename }' });
    const headers = { accept, 'apollo-require-preflight': '1' };
    const response = await gateway.fetch(`/graphql?${search}`, { headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
  });

  it('serves a page that loads only from its own origin, evaluates no text as code and forbids frames', async () => {
    const response = await gateway.fetch('/graphql', asBrowser);
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html');
    expect(response.headers.get('content-security-policy')).toMatch(/^frame-ancestors 'none'/);
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(policy).not.toMatch(/unsafe-eval|https?:/);
    expect(page).not.toMatch(/https?:/);
  });

  it('serves all files of the page compressed and cacheable for a year', async () => {
    const page = await (await gateway.fetch('/graphql', asBrowser)).text();
    const files = [...page.matchAll(/(?:src|href)="(graphql\/[^"]+)"/g)].map(([, path]) => path);
    const [, folder] = /^(graphql\/\w+\/)graphiql/.exec(`${files[0]}`) ?? [];
    const workers = ['editor', 'json', 'graphql'].map((name) => `${folder}${name}.worker.js`);
    expect(files.length).toBe(2);
    for (const path of [...files, ...workers]) {
      const { status, headers } = await gateway.fetch(`/${path}`, { method: 'HEAD' });
      expect(headers.get('content-encoding')).toBe('gzip');
      expect([status, headers.get('content-type')]).toEqual([
        200,
        expect.stringMatching(/^text\/(css|javascript);/),
      ]);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
  });

  it('answers requests for files of other releases with 404, which is not cacheable', async () => {
    const response = await gateway.fetch('/graphql/000000000000/graphiql.js');
    expect([response.status, response.headers.get('cache-control')]).toEqual([404, 'no-store']);
  });

  it('allows no other origin', async () => {
    const { headers } = await gateway.fetch('/graphql', preflight(sandbox));
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});
