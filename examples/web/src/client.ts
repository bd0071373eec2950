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

/** Sends the id that the manifest has for an operation instead of its text, which the gateway would not run anyway. */
const safelisted = new PersistedQueryLink({
  generateHash: (document) => ids.get(getMainDefinition(document).name?.value ?? '') ?? '',
  disable: () => false,
  retry: () => false,
});

const http = new HttpLink({
  uri: '/graphql',
  // Where the gateway asks who calls: headers: { authorization: `Bearer ${token}` }
});

const client = new ApolloClient({
  // No RetryLink: `retryable` says what may be asked again, and the page's user when.
  link: ApolloLink.from([safelisted, http]),
  cache: new InMemoryCache(),
});

/** Asks for any number of totals in one operation. Never throws. */
export async function askTotals(requests: TotalRequest[]): Promise<Answer> {
  const { data, error } = await client.query({
    query: TotalsDocument,
    variables: { requests },
    // Keeps the totals that are there beside the errors of the others.
    errorPolicy: 'all',
    // The gateway knows what is fresh, and each row keeps its last number.
    fetchPolicy: 'no-cache',
  });
  const errors = readErrors(error);
  return errors && { totals: data?.customerEntitlementTotals ?? [], errors };
}

/** Undefined where it was not the gateway that answered. */
function readErrors(error: unknown): readonly AnswerError[] | undefined {
  if (error === undefined) return [];
  if (CombinedGraphQLErrors.is(error)) return error.errors;
  return ServerError.is(error) ? parseErrors(error.bodyText) : undefined;
}

/** The gateway's words in an answer of another status than 200, such as 401. */
function parseErrors(body: string): readonly AnswerError[] | undefined {
  try {
    const errors: unknown = JSON.parse(body)?.errors;
    // A proxy on the way may have errors of its own form.
    return Array.isArray(errors) ? errors : undefined;
  } catch {
    return undefined;
  }
}
