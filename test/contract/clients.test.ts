import { readdirSync, readFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { describe, expect, it } from '@jest/globals';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient, NetworkError } from 'graphql-http';
import relay from 'relay-runtime';
import { clientLibraries, createRelayEnvironment, type Outcome, type Variables } from '../support/clients.ts';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { unreachableIssuer, unsignedToken } from '../support/issuer.ts';
import { toRelayQuery } from '../support/relayQuery.ts';

const variables: Variables = { entitlementId: entitlement, first: customer, second: idOf(2) };
const totalOf = (customerId: string) => ({
  __typename: 'CustomerEntitlementTotal',
  quantity: expectedQuantity({ customerId }),
});

type Expected = { data: unknown; errors: { code: string; retryAfterSeconds?: unknown }[] };

const complete: Expected = {
  data: { first: totalOf(variables.first), second: totalOf(variables.second) },
  errors: [],
};
const partial: Expected = {
  data: { first: totalOf(variables.first), second: null },
  errors: [{ code: 'NOT_FOUND' }],
};
const failed = (code: string, rest: object = {}): Expected => ({
  data: undefined,
  errors: [{ code, ...rest }],
});

/** What a page shows and decides by. */
function toSeen({ data, errors, error }: Outcome) {
  return {
    // Some libraries have null for the data of a response without data.
    data: data ?? undefined,
    errors: errors.map(({ extensions = {} }) => {
      const { code, retryAfterSeconds } = extensions;
      return { code, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    }),
    error,
  };
}

describe.each(clientLibraries)('$name', ({ connect, errorNames, sendsText }) => {
  const open = useGateway({ UPSTREAM_RETRIES: '0', HTTP_MAX_BODY_BYTES: '2000' });
  const limited = useGateway({ RATE_LIMIT_PER_MINUTE: '2' });
  const safelisted = useGateway({ GRAPHQL_SAFELIST: 'examples/web/persisted-query-manifest.json' });
  const secret = 'a-secret-of-the-router-0123456789';
  const authenticated = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: secret });
  const keyless = useGateway(unreachableIssuer);

  const errorOf = ({ data, errors }: Expected) => {
    if (errors.length === 0) return undefined;
    return data === undefined ? errorNames.failed : errorNames.partial;
  };
  const ask = async ({ url }: { url: string }, rest: Partial<Variables>, isPersisted = false) =>
    toSeen(await connect({ url: `${url}/graphql`, headers: {}, isPersisted })({ ...variables, ...rest }));

  it.each([
    ['both totals of a 200', open, {}, complete],
    ['a total and the code of the other in a 294', open, { second: customerOf('0404') }, partial],
    ['the code of a 401', authenticated, {}, failed('UNAUTHENTICATED')],
    ['the code of a 403', safelisted, {}, failed('QUERY_NOT_IN_SAFELIST')],
    ['the code of a 413', open, { second: 'x'.repeat(2000) }, failed('BAD_REQUEST')],
    ['the code of a 422', open, { second: 'x' }, failed('BAD_USER_INPUT')],
  ])('gives the application %s', async (...row) => {
    const [, gateway, rest, expected] = row;
    expect(await ask(gateway, rest)).toEqual({ ...expected, error: errorOf(expected) });
  });

  it('gives the application the code and retryAfterSeconds of a 429', async () => {
    expect(await ask(limited, {})).toEqual({ ...complete, error: undefined });
    const expected = failed('RATE_LIMITED', { retryAfterSeconds: expect.any(Number) });
    expect(await ask(limited, {})).toEqual({ ...expected, error: errorOf(expected) });
  });

  it('gives the application the code and retryAfterSeconds of a 503', async () => {
    const headers = { authorization: `Bearer ${unsignedToken}` };
    const expected = failed('SERVICE_UNAVAILABLE', { retryAfterSeconds: 1 });
    const seen = toSeen(
      await connect({ url: `${keyless.url}/graphql`, headers, isPersisted: false })(variables),
    );
    expect(seen).toEqual({ ...expected, error: errorOf(expected) });
  });

  it('gives the application the totals of an unknown persisted query if it sends the text then, else its code', async () => {
    const expected = sendsText ? complete : failed('PERSISTED_QUERY_NOT_FOUND');
    expect(await ask(open, {}, true)).toEqual({ ...expected, error: errorOf(expected) });
  });

  it('gives the application the code of a persisted query that is not in the safelist', async () => {
    const expected = failed(sendsText ? 'QUERY_NOT_IN_SAFELIST' : 'PERSISTED_QUERY_NOT_FOUND');
    expect(await ask(safelisted, {}, true)).toEqual({ ...expected, error: errorOf(expected) });
  });
});

describe('@apollo/client', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '1' });

  it('does not repeat a 429 by its RetryLink', async () => {
    const statuses: number[] = [];
    const recordingFetch: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      statuses.push(response.status);
      return response;
    };
    const http = new HttpLink({ uri: `${gateway.url}/graphql`, fetch: recordingFetch });
    const link = ApolloLink.from([new RetryLink({ delay: { initial: 1 } }), http]);
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const ask = () => client.query({ query: gql('{ __typename }'), fetchPolicy: 'no-cache' });
    await ask();
    await expect(ask()).rejects.toThrow('Rate limit of 1 per minute exceeded.');
    expect(statuses).toEqual([200, 429]);
  });
});

describe('graphql-http', () => {
  const gateway = useGateway();
  const invalid = { query: totalQuery, variables: { entitlementId: entitlement, customerId: 'x' } };

  /** What the client itself gives to the application. */
  const subscribe = (settings: object) =>
    new Promise<unknown>((resolve) => {
      const client = createClient({ url: `${gateway.url}/graphql`, ...settings });
      client.subscribe(invalid, { next: resolve, error: resolve, complete: () => {} });
    });
  const invalidVariable = { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] };

  it('itself leaves the body of a 422 unread', async () => {
    const error = await subscribe({});
    expect(error).toBeInstanceOf(NetworkError);
    const { message, response } = error as NetworkError<Response>;
    expect([message, response?.bodyUsed]).toEqual(['Server responded with 422: Unprocessable Entity', false]);
    expect(await response?.json()).toMatchObject(invalidVariable);
  });

  it('itself reads the errors of a 200 if its own fetch function asks for application/json', async () => {
    const fetchFn = (url: string, init: RequestInit) => {
      const headers = new Headers(init.headers);
      headers.set('accept', 'application/json');
      return fetch(url, { ...init, headers });
    };
    expect(await subscribe({ fetchFn })).toMatchObject(invalidVariable);
  });

  it('itself cannot ask for application/json by its option headers', async () => {
    expect(await subscribe({ headers: { accept: 'application/json' } })).toBeInstanceOf(NetworkError);
  });
});

describe('@urql/core', () => {
  const gateway = useGateway();
  const askByGet = (headers: Record<string, string>) => {
    const exchanges = [persistedExchange(), fetchExchange];
    const client = new Client({ url: `${gateway.url}/graphql`, exchanges, preferGetMethod: false });
    return client.query('{ __typename }', {}, { fetchOptions: { headers } }).toPromise();
  };

  it('needs a header that prevents CSRF for the GET that persistedExchange sends by default', async () => {
    expect((await askByGet({})).error?.graphQLErrors[0]?.extensions.code).toBe('BAD_REQUEST');
    const { data, error } = await askByGet({ 'apollo-require-preflight': '1' });
    expect([data, error]).toEqual([{ __typename: 'Query' }, undefined]);
  });
});

describe('relay-runtime', () => {
  const gateway = useGateway({ UPSTREAM_RETRIES: '0' });

  it('drops the error of a total in a list, also with @catch', async () => {
    const text = `query Totals($requests: [CustomerEntitlementTotalRequest!]!) {
      customerEntitlementTotals(requests: $requests) { __typename quantity }
    }`;
    const name = 'customerEntitlementTotals';
    const query = toRelayQuery([{ name, isList: true, variables: { requests: 'requests' } }], { text });
    const ids = [customer, customerOf('0404')];
    const requests = ids.map((customerId) => ({ entitlementId: entitlement, customerId }));
    const environment = createRelayEnvironment(`${gateway.url}/graphql`);
    const result = await relay.fetchQuery(environment, query, { requests }).toPromise();
    expect(result).toEqual({ [name]: { ok: true, value: [totalOf(customer), null] } });
  });
});

describe('docs/frontends.md', () => {
  it('shows the code of each file in examples/clients', () => {
    const page = readFileSync(new URL('../../docs/frontends.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
    const folder = new URL('../../examples/clients/', import.meta.url);
    const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
    const files = names.map((name) => readFileSync(new URL(name, folder), 'utf8'));
    expect(new Set(shown)).toEqual(new Set(files));
  });
});
