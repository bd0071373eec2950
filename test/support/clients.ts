import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { cacheExchange, fetchExchange, Client as UrqlClient } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import type { GraphQLFormattedError } from 'graphql';
import { createClient } from 'graphql-http';
import { GraphQLClient } from 'graphql-request';
import relay from 'relay-runtime';
import { readErrors as readApolloErrors } from '../../examples/clients/apollo.ts';
import { ask as askGraphqlHttp } from '../../examples/clients/graphqlHttp.ts';
import { readError as readGraphqlRequestError } from '../../examples/clients/graphqlRequest.ts';
import { createNetwork, readErrors as readRelayErrors } from '../../examples/clients/relay.ts';
import { readErrors as readUrqlErrors } from '../../examples/clients/urql.ts';
import { toRelayQuery } from './relayQuery.ts';

/** Apollo Client adds `__typename` to each selection. */
const text = `query Totals($entitlementId: UUID!, $first: UUID!, $second: UUID!) {
  first: customerEntitlementTotal(entitlementId: $entitlementId, customerId: $first) { __typename quantity }
  second: customerEntitlementTotal(entitlementId: $entitlementId, customerId: $second) { __typename quantity }
}`;

export type Variables = { entitlementId: string; first: string; second: string };

/** What an application sees. */
export type Outcome = {
  data: unknown;
  errors: readonly { extensions?: Readonly<Record<string, unknown>> | undefined }[];
  /** The name of the error that the library returns or throws. */
  error?: string | undefined;
};

type Settings = {
  url: string;
  headers: Record<string, string>;
  /** Sends the hash of the query instead of its text. */
  isPersisted: boolean;
};

type Ask = (variables: Variables) => Promise<Outcome>;

const sha256 = (query: string) => createHash('sha256').update(query).digest('hex');

function connectApollo({ url, headers, isPersisted }: Settings): Ask {
  const http = new HttpLink({ uri: url, headers });
  const persisted = new PersistedQueryLink({ sha256 });
  const link = isPersisted ? ApolloLink.from([persisted, http]) : http;
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const query = gql(text);
  return async (variables) => {
    const { data, error } = await client.query({ query, variables, errorPolicy: 'all' });
    return { data, errors: readApolloErrors(error), error: error?.name };
  };
}

function connectUrql({ url, headers, isPersisted }: Settings): Ask {
  // A GET would need a header that prevents CSRF.
  const persisted = persistedExchange({ preferGetForPersistedQueries: false });
  const exchanges = [cacheExchange, ...(isPersisted ? [persisted] : []), fetchExchange];
  const client = new UrqlClient({ url, exchanges, preferGetMethod: false, fetchOptions: { headers } });
  return async (variables) => {
    const { data, error } = await client.query(text, variables);
    return { data, errors: readUrqlErrors(error), error: error?.name };
  };
}

/** The library has no persisted queries of its own. */
function connectGraphqlRequest({ url, headers, isPersisted }: Settings): Ask {
  return async (variables) => {
    const body = JSON.stringify({ variables, extensions: toExtensions() });
    const client = new GraphQLClient(url, {
      headers,
      ...(isPersisted ? { requestMiddleware: (request) => ({ ...request, body }) } : {}),
    });
    try {
      return { data: await client.request(text, variables), errors: [] };
    } catch (error) {
      return { ...readGraphqlRequestError(error), error: (error as Error).constructor.name };
    }
  };
}

function connectGraphqlHttp({ url, headers, isPersisted }: Settings): Ask {
  const client = createClient({ url, headers });
  return async (variables) => {
    const request = isPersisted ? { query: '', extensions: toExtensions() } : { query: text };
    const { data, errors = [] } = await askGraphqlHttp(client, { ...request, variables });
    return { data, errors };
  };
}

type Caught = { ok: true; value: unknown } | { ok: false; errors: GraphQLFormattedError[] };

export function createRelayEnvironment(url: string, headers: Record<string, string> = {}) {
  const { Environment, RecordSource, Store } = relay;
  return new Environment({ network: createNetwork(url, headers), store: new Store(new RecordSource()) });
}

function connectRelay({ url, headers, isPersisted }: Settings): Ask {
  const environment = createRelayEnvironment(url, headers);
  const fields = ['first', 'second'].map((alias) => ({
    name: 'customerEntitlementTotal',
    alias,
    variables: { customerId: alias, entitlementId: 'entitlementId' },
  }));
  const query = toRelayQuery(fields, isPersisted ? { id: `sha256:${sha256(text)}` } : { text });
  return async (variables) => {
    try {
      const result = await relay.fetchQuery(environment, query, variables).toPromise();
      const caught = Object.entries(result as Record<string, Caught>);
      const data = Object.fromEntries(caught.map(([alias, total]) => [alias, total.ok ? total.value : null]));
      return { data, errors: caught.flatMap(([, total]) => (total.ok ? [] : total.errors)) };
    } catch (error) {
      return {
        data: undefined,
        errors: readRelayErrors(error as Error),
        error: (error as Error).name,
      };
    }
  };
}

/** Of a persisted query, for libraries that have none. */
function toExtensions() {
  return { persistedQuery: { version: 1, sha256Hash: sha256(text) } };
}

type ClientLibrary = {
  name: string;
  connect: (settings: Settings) => Ask;
  /** The names of its errors for a response with data and for one without. */
  errorNames: { partial?: string; failed?: string };
  /** Sends the text of a persisted query that the gateway does not know. */
  sendsText: boolean;
};

export const clientLibraries: readonly ClientLibrary[] = [
  {
    name: '@apollo/client',
    connect: connectApollo,
    errorNames: { partial: 'CombinedGraphQLErrors', failed: 'CombinedGraphQLErrors' },
    sendsText: true,
  },
  {
    name: '@urql/core',
    connect: connectUrql,
    errorNames: { partial: 'CombinedError', failed: 'CombinedError' },
    sendsText: true,
  },
  {
    name: 'graphql-request',
    connect: connectGraphqlRequest,
    errorNames: { partial: 'ClientError', failed: 'ClientError' },
    sendsText: false,
  },
  { name: 'graphql-http', connect: connectGraphqlHttp, errorNames: {}, sendsText: false },
  { name: 'relay-runtime', connect: connectRelay, errorNames: { failed: 'RelayNetwork' }, sendsText: false },
];
