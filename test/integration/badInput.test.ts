import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

type Case = {
  name: string;
  path?: string;
  init?: RequestInit;
  status: number;
  code: string;
  message: RegExp;
};

const json = { 'content-type': 'application/json' };
const post = (
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = json,
): RequestInit => ({
  method: 'POST',
  body,
  headers,
});
const operation = (query: string, variables?: object) => post(JSON.stringify({ query, variables }));
const totalWith = (args: string) => `{ customerEntitlementTotal(${args}) { quantity } }`;
const ids = `entitlementId: "${entitlement}", customerId: "${customer}"`;
const variables = { entitlementId: entitlement, customerId: customer };

const cases: Case[] = [
  {
    name: 'malformed JSON',
    init: post('{"query":'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /not valid JSON/,
  },
  { name: 'an empty body', init: post(''), status: 400, code: 'BAD_REQUEST', message: /not valid JSON/ },
  {
    name: 'invalid UTF-8',
    init: post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])),
    status: 400,
    code: 'BAD_REQUEST',
    message: /UTF-8/,
  },
  {
    name: 'an empty object',
    init: post('{}'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /^Expected `query`, `documentId` or `extensions\.persistedQuery`\.$/,
  },
  {
    name: 'a batch',
    init: post('[{"query":"{__typename}"}]'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /batches are not supported/,
  },
  {
    name: 'a body that is not an object',
    init: post('7'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /one JSON object as the body/,
  },
  {
    name: 'a query that is not a string',
    init: post('{"query":7}'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /^Expected `query` as a string\.$/,
  },
  {
    name: 'a persisted query whose hash is not a string',
    init: post(JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: 7 } } })),
    status: 400,
    code: 'BAD_REQUEST',
    message: /^Expected `extensions\.persistedQuery\.sha256Hash` as a string\.$/,
  },
  {
    name: 'both a query and a documentId',
    init: post('{"query":"{__typename}","documentId":"a"}'),
    status: 400,
    code: 'BAD_REQUEST',
    message: /^Expected either `query` or `documentId`, not both\.$/,
  },
  {
    name: 'a GET that has its query twice',
    path: '/graphql?query={__typename}&query={__typename}',
    init: { headers: { 'apollo-require-preflight': '1' } },
    status: 400,
    code: 'BAD_REQUEST',
    message: /^Expected the parameter `query` once\.$/,
  },
  {
    name: 'a body over the limit',
    init: post(JSON.stringify({ query: `# ${'x'.repeat(300_000)}` })),
    status: 413,
    code: 'BAD_REQUEST',
    message: /exceeds 262144 bytes/,
  },
  {
    name: 'a wrong content type',
    init: post('{"query":"{__typename}"}', { 'content-type': 'text/plain' }),
    status: 415,
    code: 'BAD_REQUEST',
    message: /application\/json/,
  },
  {
    name: 'a wrong charset',
    init: post('{"query":"{__typename}"}', { 'content-type': 'application/json; charset=utf-16' }),
    status: 415,
    code: 'BAD_REQUEST',
    message: /UTF-8/,
  },
  {
    name: 'a body in an unknown content-encoding',
    init: post('{"query":"{__typename}"}', { ...json, 'content-encoding': 'br' }),
    status: 415,
    code: 'BAD_REQUEST',
    message: /content-encoding/,
  },
  {
    name: 'a body that is not in its content-encoding',
    init: post('{"query":"{__typename}"}', { ...json, 'content-encoding': 'gzip' }),
    status: 400,
    code: 'BAD_REQUEST',
    message: /content-encoding/,
  },
  {
    name: 'the method PUT',
    init: { method: 'PUT', body: '{}', headers: json },
    status: 405,
    code: 'BAD_REQUEST',
    message: /^Expected GET or HEAD or POST or QUERY\.$/,
  },
  {
    name: 'a GET without a header that prevents CSRF',
    path: '/graphql?query={__typename}',
    status: 400,
    code: 'BAD_REQUEST',
    message: /Cross-Site Request Forgery/,
  },
  {
    name: 'a mutation by GET',
    path: '/graphql?query=mutation{__typename}',
    init: { headers: { 'apollo-require-preflight': '1' } },
    status: 405,
    code: 'BAD_REQUEST',
    message: /only support query operations/,
  },
  {
    name: 'a mutation by QUERY',
    init: { ...operation('mutation { __typename }'), method: 'QUERY' },
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /mutation/,
  },
  {
    name: 'a QUERY without content-type',
    init: { method: 'QUERY', body: new Uint8Array([0x7b, 0x7d]) },
    status: 415,
    code: 'BAD_REQUEST',
    message: /application\/json/,
  },
  {
    name: 'a QUERY whose operation is in the URL',
    path: '/graphql?query={__typename}',
    init: { method: 'QUERY', headers: json },
    status: 400,
    code: 'BAD_REQUEST',
    message: /not valid JSON/,
  },
  {
    name: 'an unknown path',
    path: '/graphq',
    status: 404,
    code: 'BAD_REQUEST',
    message: /Not found/,
  },
  { name: 'the path /', path: '/', status: 404, code: 'BAD_REQUEST', message: /Not found/ },
  {
    name: 'a document that is not GraphQL',
    init: operation('{'),
    status: 400,
    code: 'GRAPHQL_PARSE_FAILED',
    message: /^Syntax Error/,
  },
  {
    name: 'a document of 6,000 tokens',
    init: operation(`{ ${'a '.repeat(6000)} }`),
    status: 400,
    code: 'GRAPHQL_PARSE_FAILED',
    message: /^Tokens limit of 4000 exceeded\.$/,
  },
  {
    name: 'an unknown field',
    init: operation('{ customerEntitlementTotl }'),
    status: 400,
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /^Cannot query field "customerEntitlementTotl" on type "Query"\.$/,
  },
  {
    name: 'introspection',
    init: operation('{ __schema { types { name } } }'),
    status: 400,
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /introspection is not allowed/,
  },
  {
    name: 'an unknown operation name',
    init: post(JSON.stringify({ query: 'query A { __typename }', operationName: 'B' })),
    status: 400,
    code: 'OPERATION_RESOLUTION_FAILURE',
    message: /Unknown operation named "B"/,
  },
  {
    name: 'a persisted query with a wrong hash',
    init: post(
      JSON.stringify({
        query: '{ __typename }',
        extensions: { persistedQuery: { version: 1, sha256Hash: 'f'.repeat(64) } },
      }),
    ),
    status: 400,
    code: 'BAD_REQUEST',
    message: /sha does not match/,
  },
  {
    name: 'a UUID literal that is not a UUID',
    init: operation(totalWith(`entitlementId: "nope", customerId: "${customer}"`)),
    status: 400,
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /UUID/,
  },
  {
    name: 'a UUID variable that is not a UUID',
    init: operation(totalQuery, { ...variables, customerId: '../../secret' }),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /\$customerId/,
  },
  {
    name: 'a missing variable',
    init: operation(totalQuery, { entitlementId: entitlement }),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /\$customerId/,
  },
  {
    name: 'a date literal in milliseconds',
    init: operation(totalWith(`${ids}, startDate: 1700000000000`)),
    status: 400,
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /32-bit/,
  },
  {
    name: 'a date variable in milliseconds',
    init: operation(totalQuery, { ...variables, startDate: 1_700_000_000_000 }),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /32-bit/,
  },
  {
    name: 'a null variable that replaces the default of a non-null argument',
    init: operation(
      `query ($id: UUID = "${entitlement}") { customerEntitlementTotal(entitlementId: $id, customerId: "${customer}") { quantity } }`,
      { id: null },
    ),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /must not be null/,
  },
  {
    name: 'a mutation',
    init: operation('mutation { __typename }'),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /mutation/,
  },
  {
    name: 'a subscription',
    init: operation('subscription { __typename }'),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /subscription/,
  },
  {
    name: 'a startDate after the endDate',
    init: operation(totalQuery, { ...variables, startDate: 2, endDate: 1 }),
    status: 200,
    code: 'BAD_USER_INPUT',
    message: /^startDate is after endDate\.$/,
  },
];

/** Internals that no error may show. */
const internals = /test-api-key|5d0c1a52|127\.0\.0\.1|node_modules|\.ts\b|stack/;

describe('the gateway', () => {
  const gateway = useGateway();

  it.each(cases)(
    'rejects $name with HTTP $status and the code $code',
    async ({ path = '/graphql', init, status, code, message }) => {
      const response = await gateway.fetch(path, init);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^application\/json; charset=utf-8$/);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const { errors, ...rest } = JSON.parse(text);
      expect({ status: response.status, code: errors[0].extensions.code }).toEqual({ status, code });
      expect(errors[0].message).toMatch(message);
      expect(errors[0].extensions.requestId).toBe(response.headers.get('x-request-id'));
      expect(Object.keys(rest).filter((key) => key !== 'data')).toEqual([]);
      expect(text).not.toMatch(internals);
      expect(gateway.simulator.requestHeaders).toEqual([]);
      expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
    },
  );

  it("names the argument that the gateway's own check rejects", async () => {
    const { body } = await gateway.gql(totalQuery, { ...variables, startDate: 2, endDate: 1 });
    expect(body.errors?.[0].extensions).toEqual({
      code: 'BAD_USER_INPUT',
      retryable: false,
      requestId: expect.any(String),
      validationErrors: [
        { loc: ['startDate'], msg: 'startDate is after endDate', type: 'date', argument: 'startDate' },
      ],
    });
  });

  it('gives an infinite number in the variables of a GET the error that it has in a POST', async () => {
    const infinite = JSON.stringify({ ...variables, startDate: 1 }).replace(':1}', ':1e400}');
    const search = new URLSearchParams({ query: totalQuery, variables: infinite });
    const headers = { 'apollo-require-preflight': '1' };
    const byGet = await gateway.fetch(`/graphql?${search}`, { headers });
    const byPost = await gateway.fetch(
      '/graphql',
      post(`{"query":${JSON.stringify(totalQuery)},"variables":${infinite}}`),
    );
    for (const response of [byGet, byPost])
      expect(await response.json()).toMatchObject({
        errors: [
          {
            message: expect.stringMatching(/^Variable "\$startDate" got invalid value/),
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      });
  });

  it('names the allowed methods and the types of a QUERY when it rejects another method', async () => {
    const { headers } = await gateway.fetch('/graphql', { method: 'DELETE' });
    expect(headers.get('allow')).toBe('GET, HEAD, POST, QUERY, OPTIONS');
    expect(headers.get('accept-query')).toBe('application/json');
  });

  it('rejects a body without content-length as soon as it exceeds the limit', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let chunk = 0; chunk < 5; chunk += 1) controller.enqueue(Buffer.alloc(100_000, 0x20));
        controller.close();
      },
    });
    const response = await gateway.fetch('/graphql', { ...post(body), duplex: 'half' } as RequestInit);
    expect(response.status).toBe(413);
    expect((await gateway.gql(totalQuery, variables)).status).toBe(200);
  });

  it('still answers requests after bytes that are not HTTP', async () => {
    const { port } = new URL(gateway.url);
    await new Promise<void>((resolve) => {
      connect(Number(port), '127.0.0.1')
        .on('close', () => resolve())
        .on('error', () => resolve())
        .resume()
        .end('\0\r\n\r\n');
    });
    const { body } = await gateway.gql(totalQuery, variables);
    expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
  });
});
