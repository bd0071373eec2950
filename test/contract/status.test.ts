import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { MediaType } from '../../src/errors.ts';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { unreachableIssuer, unsignedToken } from '../support/issuer.ts';

const graphqlResponse: MediaType = 'application/graphql-response+json';
const json: MediaType = 'application/json';
const repetitions = 8;

type Parameters = { query: string; operationName?: string; variables?: Record<string, unknown> };
/** Sends the parameters by one route. */
type Send = (url: string, parameters: Parameters, headers: Record<string, string>) => Promise<Response>;

const post: (url: string, body: object, headers: Record<string, string>) => Promise<Response> = (
  url,
  body,
  headers,
) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

type Members = Omit<Parameters, 'query'> & { query?: string; documentId?: string };

function get(url: string, { variables = {}, ...texts }: Members, headers: Record<string, string>) {
  const search = new URLSearchParams({ ...texts, variables: JSON.stringify(variables) });
  return fetch(`${url}/graphql?${search}`, { headers: { 'apollo-require-preflight': '1', ...headers } });
}

/** Sends the id of the document; its text as well if the gateway does not know the id. */
function byId(send: typeof get): Send {
  return async (url, { query, ...rest }, headers) => {
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const known = await send(url, { documentId: `sha256:${sha256Hash}`, ...rest }, headers);
    const text = await known.clone().text();
    return text.includes('PERSISTED_QUERY_NOT_FOUND')
      ? post(url, { query, extensions: { persistedQuery: { version: 1, sha256Hash } }, ...rest }, headers)
      : known;
  };
}

/** Eight times each, so that a document is unknown, then known, then compiled, and its response then stored. */
const routes = {
  POST: post,
  GET: get,
  QUERY: (url, parameters, headers) =>
    fetch(`${url}/graphql`, {
      method: 'QUERY',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(parameters),
    }),
  'POST with documentId': byId(post),
  'GET with documentId': byId(get),
} satisfies Record<string, Send>;

const variables = { entitlementId: entitlement, customerId: customer };
const severalTotals = `query Totals($requests: [CustomerEntitlementTotalRequest!]!) {
  customerEntitlementTotals(requests: $requests) { quantity } }`;
const ask = (...customerIds: string[]) => ({
  query: severalTotals,
  variables: { requests: customerIds.map((customerId) => ({ entitlementId: entitlement, customerId })) },
});

type Expected = { json: number; graphql: number; code?: string };

const cases: [title: string, Parameters, Expected][] = [
  ['a total', { query: totalQuery, variables }, { json: 200, graphql: 200 }],
  ['two totals of which one failed', ask(customer, customerOf('0404')), ok294('NOT_FOUND')],
  [
    'one total, which failed',
    { query: totalQuery, variables: { ...variables, customerId: customerOf('0500') } },
    ok294('UPSTREAM_UNAVAILABLE'),
  ],
  [
    'a variable of a wrong type',
    { query: totalQuery, variables: { ...variables, startDate: 'x' } },
    { json: 200, graphql: 422, code: 'BAD_USER_INPUT' },
  ],
  ['a missing variable', { query: totalQuery }, { json: 200, graphql: 422, code: 'BAD_USER_INPUT' }],
  [
    'more totals than allowed',
    ask(...Array.from({ length: 11 }, (_, n) => idOf(n))),
    { json: 200, graphql: 422, code: 'BAD_USER_INPUT' },
  ],
  [
    'a text that is no GraphQL',
    { query: '{ total(' },
    { json: 400, graphql: 400, code: 'GRAPHQL_PARSE_FAILED' },
  ],
  [
    'an unknown field',
    { query: '{ nothing }' },
    { json: 400, graphql: 422, code: 'GRAPHQL_VALIDATION_FAILED' },
  ],
  [
    'an operation name that the document does not have',
    { query: totalQuery, operationName: 'Other', variables },
    { json: 400, graphql: 422, code: 'OPERATION_RESOLUTION_FAILURE' },
  ],
];

function ok294(code: string): Expected {
  return { json: 200, graphql: 294, code };
}

async function see(response: Response) {
  const { status, statusText, headers } = response;
  const { errors = [] } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return {
    status,
    statusText,
    type: headers.get('content-type'),
    vary: headers.get('vary'),
    cacheControl: headers.get('cache-control')?.replace(/=\d+$/, '=N'),
    retryAfter: headers.has('retry-after'),
    codes: [...new Set(errors.map(({ extensions }) => extensions.code))],
  };
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  294: 'Partial Success',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
};

function expectedOf({ json: jsonStatus, graphql, code }: Expected, mediaType: MediaType) {
  const status = mediaType === json ? jsonStatus : graphql;
  return {
    status,
    statusText: reasons[status],
    type: `${mediaType}; charset=utf-8`,
    vary: 'accept',
    cacheControl: code === undefined ? 'private, max-age=N' : 'no-store',
    retryAfter: false,
    codes: code === undefined ? [] : [code],
  };
}

describe('the status, media type and headers of a response', () => {
  const gateway = useGateway({ GRAPHQL_MAX_TOTALS: '10', UPSTREAM_RETRIES: '0' });

  for (const mediaType of [json, graphqlResponse]) {
    for (const [route, send] of Object.entries(routes)) {
      it.each(cases)(
        `are the same each of eight times: ${mediaType} by ${route}, %s`,
        async (title, { query, ...rest }, expected) => {
          const parameters = { query: `${query} # ${title} ${mediaType} ${route}`, ...rest };
          const seen = [];
          for (let n = 0; n < repetitions; n += 1)
            seen.push(await see(await send(gateway.url, parameters, { accept: mediaType })));
          expect(seen).toEqual(seen.map(() => expectedOf(expected, mediaType)));
        },
      );
    }
  }

  it('are 422 without data for a mutation by POST, and 405 by GET', async () => {
    const mutation = { query: 'mutation { any }' };
    const posted = await post(gateway.url, mutation, { accept: graphqlResponse });
    expect(await posted.clone().json()).not.toHaveProperty('data');
    expect(await see(posted)).toMatchObject({ status: 422, codes: ['BAD_USER_INPUT'] });
    const got = await routes.GET(gateway.url, mutation, { accept: graphqlResponse });
    expect(got.headers.get('allow')).toBe('GET, HEAD, POST, QUERY, OPTIONS');
    expect(got.headers.get('accept-query')).toBe('application/json');
    expect(await see(got)).toMatchObject({ status: 405, codes: ['BAD_REQUEST'] });
  });

  it.each([
    [undefined, json],
    ['', json],
    ['*/*', json],
    ['application/*', json],
    ['application/json', json],
    ['application/graphql-response+json', graphqlResponse],
    ['application/graphql-response+json; charset=utf-8', graphqlResponse],
    ['application/graphql-response+json, application/json;q=0.9', graphqlResponse],
    ['application/graphql-response+json, application/json', graphqlResponse],
    // Apollo Router: apollo-router/src/services/subgraph_service.rs.
    ['application/json, application/graphql-response+json', json],
    ['application/json, application/graphql-response+json;q=0.9', json],
    ['application/json;q=0.5, application/*', graphqlResponse],
    ['application/graphql-response+json;q=0, */*', json],
    ['text/event-stream, multipart/mixed, application/graphql-response+json;q=0.1', graphqlResponse],
  ])('follow the quality of media types in Accept: %s', async (accept, mediaType) => {
    const headers = accept === undefined ? {} : { accept };
    const seen = await see(await post(gateway.url, { query: totalQuery }, headers as Record<string, string>));
    expect(seen).toEqual(expectedOf({ json: 200, graphql: 422, code: 'BAD_USER_INPUT' }, mediaType));
  });

  it.each(['text/html', 'application/json;q=0', 'application/xml, text/*'])(
    'are 406 before anything is executed if Accept allows neither media type: %s',
    async (accept) => {
      const response = await post(gateway.url, { query: totalQuery, variables }, { accept });
      expect(await see(response)).toEqual({
        status: 406,
        statusText: 'Not Acceptable',
        type: 'application/json; charset=utf-8',
        vary: 'accept',
        cacheControl: 'no-store',
        retryAfter: false,
        codes: ['BAD_REQUEST'],
      });
      expect(gateway.simulator.requests).toBe(0);
    },
  );
});

describe('an issuer that is down', () => {
  const gateway = useGateway({ ...unreachableIssuer, RATE_LIMIT_PER_MINUTE: '2' });

  it('is answered with 503 each time, and consumes no points of the address of its callers', async () => {
    const headers = { authorization: `Bearer ${unsignedToken}` };
    for (let n = 0; n < 4; n += 1)
      expect(await see(await post(gateway.url, { query: totalQuery, variables }, headers))).toMatchObject({
        status: 503,
        codes: ['SERVICE_UNAVAILABLE'],
        retryAfter: true,
      });
  });
});

describe('the status of a rejected operation', () => {
  const limited = useGateway({ RATE_LIMIT_PER_MINUTE: '2' });
  const restricted = useGateway({ GRAPHQL_SAFELIST: 'examples/web/persisted-query-manifest.json' });
  const authenticated = useGateway({
    AUTH_MODE: 'router',
    ROUTER_SECRET: 'a-secret-of-the-router-0123456789',
  });

  const rejections = [
    ['of which the rate limit has no points left', () => limited, [200, 429], 'RATE_LIMITED'],
    ['that is not in the safelist', () => restricted, [200, 403], 'QUERY_NOT_IN_SAFELIST'],
    ['without credentials', () => authenticated, [401, 401], 'UNAUTHENTICATED'],
  ] as const;

  it.each(rejections)('is the same on every route, each of eight times: %s', async (...row) => {
    const [, gatewayOf, statuses, code] = row;
    const gateway = gatewayOf();
    gateway.stopClock();
    // The points of a minute.
    for (let n = 0; n < 2; n += 1) await post(gateway.url, { query: totalQuery, variables }, {});
    for (const [n, mediaType] of [json, graphqlResponse].entries()) {
      for (const send of [routes.POST, routes.GET, routes.QUERY]) {
        for (let repetition = 0; repetition < repetitions; repetition += 1)
          expect(
            await see(await send(gateway.url, { query: totalQuery, variables }, { accept: mediaType })),
          ).toEqual({
            status: statuses[n],
            statusText: reasons[statuses[n] ?? 0],
            type: `${mediaType}; charset=utf-8`,
            vary: code === 'UNAUTHENTICATED' ? 'accept, x-router-secret' : 'accept',
            cacheControl: 'no-store',
            retryAfter: code === 'RATE_LIMITED',
            codes: [code],
          });
      }
    }
  });

  it.each([
    [json, 200],
    [graphqlResponse, 404],
  ])('is that of an unknown id on every route, so that clients send the text: %s, %d', async (...row) => {
    const [mediaType, status] = row;
    const documentId = `sha256:${'a'.repeat(64)}`;
    for (const send of [post, get]) {
      const seen = await see(await send(restricted.url, { documentId }, { accept: mediaType }));
      expect(seen).toMatchObject({ status, codes: ['PERSISTED_QUERY_NOT_FOUND'] });
    }
  });
});
