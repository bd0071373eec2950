import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  HttpLink,
  InMemoryCache,
  ServerError,
} from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { getMainDefinition } from '@apollo/client/utilities';
import manifest from '../persisted-query-manifest.json' with { type: 'json' };
import { TotalsDocument } from './__generated__/graphql.ts';
import type { TotalRequest } from './selection.ts';
import type { Answer, AnswerError } from './totals.ts';

const ids = new Map(manifest.operations.map(({ name, id }) => [name, id]));

/** Sends the id of an operation in the manifest instead of its text. */
const safelisted = new PersistedQueryLink({
  generateHash: (document) => ids.get(getMainDefinition(document).name?.value ?? '') ?? '',
  disable: () => false,
  retry: () => false,
});

const http = new HttpLink({
  uri: '/graphql',
  // With AUTH_MODE=jwt: headers: { authorization: `Bearer ${token}` }
});

const client = new ApolloClient({
  // No RetryLink: `retryable` decides what may be retried, and the user decides when.
  link: ApolloLink.from([safelisted, http]),
  cache: new InMemoryCache(),
});

/** Loads any number of totals in one operation. Never throws. */
export async function askTotals(requests: TotalRequest[]): Promise<Answer> {
  const { data, error } = await client.query({
    query: TotalsDocument,
    variables: { requests },
    // Keeps the totals of a response that also has errors.
    errorPolicy: 'all',
    // The gateway caches, and each row keeps its last total.
    fetchPolicy: 'no-cache',
  });
  const errors = readErrors(error);
  return errors && { totals: data?.customerEntitlementTotals ?? [], errors };
}

/** Undefined if the response is not from the gateway. */
function readErrors(error: unknown): readonly AnswerError[] | undefined {
  if (error === undefined) return [];
  if (CombinedGraphQLErrors.is(error)) return error.errors;
  return ServerError.is(error) ? parseErrors(error.bodyText) : undefined;
}

/** The errors in a response with another status than 200, such as 401. */
function parseErrors(body: string): readonly AnswerError[] | undefined {
  try {
    const errors: unknown = JSON.parse(body)?.errors;
    // A proxy may return errors in another format.
    return Array.isArray(errors) ? errors : undefined;
  } catch {
    return undefined;
  }
}
