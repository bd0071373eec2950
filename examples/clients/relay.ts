import type { GraphQLFormattedError } from 'graphql';
import { type FetchFunction, type GraphQLResponse, Network } from 'relay-runtime';

/** Sends the id of a persisted query, or the text of another one. */
export function createNetwork(url: string, headers: Record<string, string> = {}) {
  const fetchQuery: FetchFunction = async ({ id, text }, variables) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify({ documentId: id, query: text, variables }),
    });
    return response.json() as Promise<GraphQLResponse>;
  };
  return Network.create(fetchQuery);
}

/** The errors of a response without data; empty if the failure is another one, such as a lost connection. */
export function readErrors(error: Error & { source?: { errors?: GraphQLFormattedError[] } }) {
  return error.source?.errors ?? [];
}
