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

describe('HTTP', () => {
  const gateway = useGateway({ CORS_ORIGINS: app });

  it('answers the probes', async () => {
    for (const path of ['/livez', '/readyz']) {
      const response = await gateway.fetch(path);
      expect([response.status, await response.text()]).toEqual([200, 'ok']);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it('answers a query by GET where no foreign page could have made it', async () => {
    const search = new URLSearchParams({ query: totalQuery, variables: JSON.stringify(variables) });
    const response = await gateway.fetch(`/graphql?${search}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      data: { customerEntitlementTotal: { quantity: expect.any(Number) } },
    });
  });

  it('keeps a sane request id, on the answer, in its errors, upstream and in the log', async () => {
    const requestId = `id-${'x'.repeat(125)}`;
    const { headers } = await gateway.gql(totalQuery, variables, { headers: { 'x-request-id': requestId } });
    expect(headers.get('x-request-id')).toBe(requestId);
    expect(gateway.simulator.requestHeaders[0]?.['x-request-id']).toBe(requestId);
    expect(gateway.log.map((line) => line.requestId)).toEqual([requestId, requestId]);
  });

  it.each(['x'.repeat(129), 'ümlaut', 'tab\tbed'])(
    'makes a request id of its own in place of %s',
    async (given) => {
      const { headers } = await gateway.gql('{ __typename }', {}, { headers: { 'x-request-id': given } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('lets the listed origins in and no other', async () => {
    const allowed = await gateway.fetch('/graphql', preflight(app));
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(app);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('content-type,x-request-id');
    expect(allowed.headers.get('vary')).toMatch(/Origin/);
    for (const origin of [sandbox, `${app}.evil.com`, 'null', 'http://app.example.com']) {
      const refused = await gateway.fetch('/graphql', preflight(origin));
      expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    }
    const { headers } = await gateway.gql('{ __typename }', {}, { headers: { origin: app } });
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-expose-headers')).toBe('x-request-id,retry-after');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('shows no explorer unless asked to', async () => {
    const response = await gateway.fetch('/graphql', asBrowser);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\//);
    expect((await gateway.fetch('/graphql/graphiql.js')).status).toBe(404);
  });
});

describe('with the explorer on', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'sandbox', GRAPHQL_INTROSPECTION: 'true' });

  it('serves Sandbox to a browser, under a policy that lets it work and nobody frame it', async () => {
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

  it.each([sandbox, 'https://studio.apollographql.com'])('answers the preflight of %s', async (origin) => {
    const response = await gateway.fetch('/graphql', preflight(origin));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,POST');
  });

  it('answers introspection and suggests names', async () => {
    const { body } = await gateway.gql('{ __schema { queryType { name } } }');
    expect(body).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
    const misspelt = await gateway.gql('{ customerEntitlementTotl }');
    expect(misspelt.body.errors?.[0].message).toMatch(/Did you mean "customerEntitlementTotal"/);
  });
});

describe('with GraphiQL on', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'graphiql', GRAPHQL_INTROSPECTION: 'true' });

  it('serves a page that may load from here alone, evaluates nothing, and may not be framed', async () => {
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

  it('serves all that the page loads, to be kept until it changes', async () => {
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

  it('has nothing of other releases, so that nothing is kept in place of it', async () => {
    const response = await gateway.fetch('/graphql/000000000000/graphiql.js');
    expect([response.status, response.headers.get('cache-control')]).toEqual([404, 'no-store']);
  });

  it('lets no other origin ask', async () => {
    const { headers } = await gateway.fetch('/graphql', preflight(sandbox));
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});
