import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { reset } from '../../src/simulator/simulator.ts';
import { startWith } from '../support/gateway.ts';
import { customerOf, entitlement, expectedQuantity, idOf } from '../support/ids.ts';
import { unreachableIssuer, unsignedToken } from '../support/issuer.ts';
import { type Graph, startGraph } from './graph.ts';
import { type Router, startApolloGateway, startHiveGateway } from './routers.ts';

/** Both routers keep the extensions and add the service name. Hive Gateway drops the list index from the path. */
const added = { serviceName: 'entitlements' };
type Rejected = { code: string; message: string; retryAfterSeconds?: unknown };
const routers = [
  {
    name: '@apollo/gateway',
    startRouter: startApolloGateway,
    pathOf: (index: number) => ['customers', index, 'entitlementTotal'],
    requestsForAliasedParents: 2,
    documentedName: '@apollo/gateway 2.14',
    isErrorPerTotal: false,
    /** It replaces the errors of a 4xx or 5xx, and knows only the code of a 401. */
    replaced: new Map<string, Rejected>([
      ['UNAUTHENTICATED', { code: 'UNAUTHENTICATED', message: '401: Unauthorized' }],
      ['BAD_REQUEST', { code: 'INTERNAL_SERVER_ERROR', message: '413: Payload Too Large' }],
      ['SERVICE_UNAVAILABLE', { code: 'INTERNAL_SERVER_ERROR', message: '503: Service Unavailable' }],
    ]),
  },
  {
    name: 'Hive Gateway',
    startRouter: startHiveGateway,
    pathOf: () => ['customers', 'entitlementTotal'],
    requestsForAliasedParents: 1,
    documentedName: 'Hive Gateway 2.15',
    isErrorPerTotal: true,
    replaced: new Map<string, Rejected>(),
  },
];

type RoutedError = { message: string; path: unknown; extensions: Record<string, unknown> };

let graph: Graph;
beforeAll(async () => {
  graph = await startGraph();
}, 30_000);
afterAll(() => graph.stop());

/** Operations that the gateway rejects as a whole, the second time at the latest: title, error, configuration. */
const rejections: [string, Rejected, Record<string, string>][] = [
  [
    'with too many totals',
    { code: 'BAD_USER_INPUT', message: 'The operation asks for more than 1 totals.' },
    { GRAPHQL_MAX_TOTALS: '1' },
  ],
  [
    'beyond the rate limit',
    {
      code: 'RATE_LIMITED',
      message: 'Rate limit of 2 per minute exceeded.',
      retryAfterSeconds: expect.any(Number),
    },
    { RATE_LIMIT_PER_MINUTE: '2' },
  ],
  [
    'without credentials',
    { code: 'UNAUTHENTICATED', message: 'Expected the secret of the router in x-router-secret.' },
    { AUTH_MODE: 'router', ROUTER_SECRET: 'router-secret-0123456789' },
  ],
  [
    'that is not in the safelist',
    { code: 'QUERY_NOT_IN_SAFELIST', message: 'This operation is not in the safelist.' },
    { GRAPHQL_SAFELIST: 'examples/web/persisted-query-manifest.json' },
  ],
  [
    'with a body that is too large',
    { code: 'BAD_REQUEST', message: 'The body exceeds 100 bytes.' },
    { HTTP_MAX_BODY_BYTES: '100' },
  ],
  [
    'while the keys for tokens cannot be fetched',
    {
      code: 'SERVICE_UNAVAILABLE',
      message: 'The keys that verify tokens cannot be fetched. Try again.',
      retryAfterSeconds: 1,
    },
    unreachableIssuer,
  ],
];

/** New ids for each test, so that nothing is cached yet. */
let usedIds = 0;
function newIds(count: number): string[] {
  usedIds += count;
  return Array.from({ length: count }, (_, n) => idOf(usedIds - n));
}

describe.each(routers)('$name', (expectations) => {
  const { startRouter, pathOf, requestsForAliasedParents } = expectations;
  const { documentedName, isErrorPerTotal, replaced } = expectations;
  let router: Router;
  beforeAll(async () => {
    router = await startRouter(graph.supergraph);
  }, 60_000);
  afterAll(() => router.stop());
  beforeEach(() => {
    reset(graph.simulator);
    graph.simulator.overall = { mode: 'ok' };
  });

  async function ask(query: string, variables: object, headers: Record<string, string> = {}) {
    const response = await fetch(router.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as { data: never; errors?: RoutedError[] };
  }
  const operations = () => graph.recorder.exchanges.length;

  const page = `query ($ids: [UUID!]!) {
    customers(ids: $ids) { id name entitlementTotal(entitlementId: "${entitlement}") { quantity entitlement { name unit } } }
  }`;
  const rowOf = (id: string) => ({
    id,
    name: `Customer ${id.slice(-4)}`,
    entitlementTotal: {
      quantity: expectedQuantity({ customerId: id }),
      entitlement: { name: `Entitlement ${entitlement.slice(-4)}`, unit: 'calls' },
    },
  });

  it.each([
    [50, 50],
    [50, 10],
  ])(
    'sends one request to the gateway for a page of %i customers, of which %i are distinct',
    async (count, distinct) => {
      const distinctIds = newIds(distinct);
      const ids = Array.from({ length: count }, (_, n) => distinctIds[n % distinct] ?? '');
      for (const calls of [distinct, 0]) {
        reset(graph.simulator);
        const before = operations();
        expect(await ask(page, { ids })).toEqual({ data: { customers: ids.map(rowOf) } });
        expect([operations() - before, graph.simulator.requests]).toEqual([1, calls]);
      }
    },
  );

  it('causes one upstream call per distinct pair for two aliases, in one request to the gateway or in two', async () => {
    const ids = newIds(20);
    graph.simulator.overall = { mode: 'slow', ms: 50 };
    const total = `entitlementTotal(entitlementId: "${entitlement}") { quantity }`;
    const quantityOf = (customerId: string) => ({ quantity: expectedQuantity({ customerId }) });
    const before = operations();
    const answer = await ask(`query ($ids: [UUID!]!) { customers(ids: $ids) { a: ${total} b: ${total} } }`, {
      ids,
    });
    expect(answer).toEqual({
      data: { customers: ids.map((id) => ({ a: quantityOf(id), b: quantityOf(id) })) },
    });
    expect([operations() - before, graph.simulator.requests]).toEqual([1, 20]);
    const others = newIds(20);
    const customers = `customers(ids: $ids) { entitlementTotal(entitlementId: "${entitlement}") { quantity } }`;
    const parentAliases = await ask(`query ($ids: [UUID!]!) { a: ${customers} b: ${customers} }`, {
      ids: others,
    });
    const rows = others.map((id) => ({ entitlementTotal: quantityOf(id) }));
    expect(parentAliases).toEqual({ data: { a: rows, b: rows } });
    expect([operations() - before, graph.simulator.requests]).toEqual([1 + requestsForAliasedParents, 40]);
  });

  it.each([
    ['0404', 'NOT_FOUND', false],
    ['0403', 'UPSTREAM_REJECTED_CREDENTIALS', false],
    ['5200', 'UPSTREAM_INVALID_RESPONSE', false],
    ['8888', 'UPSTREAM_UNAVAILABLE', true],
  ])('preserves the error of customer %s with the code %s', async (code, expected, retryable) => {
    const { errors } = await ask(page, { ids: [customerOf(code)] });
    expect(errors).toEqual([
      expect.objectContaining({
        extensions: expect.objectContaining({ ...added, code: expected, retryable }),
      }),
    ]);
  });

  it('preserves the retryAfterSeconds of a rate limit, after which totals are answered again', async () => {
    const { errors } = await ask(page, { ids: [customerOf('0429')] });
    const limited = { ...added, code: 'UPSTREAM_RATE_LIMITED', retryable: true, retryAfterSeconds: 1 };
    expect(errors).toEqual([expect.objectContaining({ extensions: expect.objectContaining(limited) })]);
    while ((await ask(page, { ids: newIds(1) })).errors)
      await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it('returns 49 totals and one complete error if one of 50 customers fails', async () => {
    const ids = newIds(50);
    ids[7] = customerOf('0422');
    const { data, errors } = await ask(page, { ids });
    const rows = ids.map((id, n) => (n === 7 ? { ...rowOf(id), entitlementTotal: null } : rowOf(id)));
    expect(data).toEqual({ customers: rows });
    expect(errors).toEqual([
      {
        message: 'Zenskar refused these arguments.',
        path: pathOf(7),
        extensions: {
          ...added,
          code: 'BAD_USER_INPUT',
          retryable: false,
          requestId: expect.any(String),
          upstream: { status: 422 },
          validationErrors: [
            {
              loc: ['query', 'start_date'],
              msg: 'Input should be a valid integer',
              type: 'int_parsing',
              argument: 'startDate',
            },
          ],
        },
      },
    ]);
  });

  it('returns the rest of the page and one error per total if Zenskar is down', async () => {
    const ids = newIds(3);
    graph.simulator.overall = { mode: 'down' };
    const { data, errors } = await ask(page, { ids });
    expect(data).toEqual({ customers: ids.map((id) => ({ ...rowOf(id), entitlementTotal: null })) });
    expect(errors).toEqual(
      ids.map((_id, n) => ({
        message: 'Zenskar failed.',
        path: pathOf(n),
        extensions: {
          ...added,
          code: 'UPSTREAM_UNAVAILABLE',
          retryable: true,
          requestId: expect.any(String),
          upstream: { status: 503 },
        },
      })),
    );
  });

  it('forwards authorization, x-request-id and traceparent to the subgraphs', async () => {
    const headers = {
      authorization: 'Bearer of-the-caller',
      'x-request-id': `id-${newIds(1)[0]}`,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    await ask(page, { ids: newIds(1) }, headers);
    for (const received of [graph.accounts.headers(), graph.recorder.exchanges.at(-1)?.headers]) {
      expect(received).toMatchObject({
        authorization: headers.authorization,
        'x-request-id': headers['x-request-id'],
      });
      expect(received?.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
    }
  });

  it('asks for the media type in docs/federation.md, which decides the type of the response', async () => {
    await ask(page, { ids: newIds(1) });
    const { headers, contentType } = graph.recorder.exchanges.at(-1) ?? {};
    const type = contentType?.replace('; charset=utf-8', '');
    const documentation = readFileSync(new URL('../../docs/federation.md', import.meta.url), 'utf8');
    expect(documentation).toContain(`| ${documentedName} | \`${headers?.accept}\` | \`${type}\` |`);
  });

  it.each(rejections)(
    'returns the error that docs/federation.md describes for an operation %s',
    async (_, rejected, environment) => {
      const authorization = `Bearer ${unsignedToken}`;
      const restricted = await startWith({ ZENSKAR_URL: graph.upstream, ...environment });
      const { target } = graph.recorder;
      graph.recorder.target = restricted.url;
      await ask(page, { ids: newIds(2) }, { authorization });
      const ids = newIds(2);
      const { data, errors = [] } = await ask(page, { ids }, { authorization });
      graph.recorder.target = target;
      await restricted.stop();
      expect(data).toEqual({ customers: ids.map((id) => ({ ...rowOf(id), entitlementTotal: null })) });
      const seen = errors.map(({ message, extensions: { code, retryAfterSeconds } }) => {
        return { code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
      });
      const expected = replaced.get(rejected.code) ?? rejected;
      expect(seen).toEqual(Array(isErrorPerTotal ? ids.length : 1).fill(expected));
    },
  );
});
