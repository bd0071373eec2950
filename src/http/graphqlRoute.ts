import type { IncomingMessage } from 'node:http';
import { readJsonBody } from './body.ts';
import type { Exchange, HttpAnswer, Route } from './route.ts';

/** A GraphQL request as it came over HTTP; whoever executes it need not know sockets. */
type GraphQLRequest = Exchange & {
  method: string;
  headers: Iterable<[string, string]>;
  body: unknown;
};

type GraphQLRouteSettings = {
  execute: (request: GraphQLRequest) => Promise<HttpAnswer>;
  maxBodyBytes: number;
};

/** GraphQL over HTTP, up to the point where it is GraphQL alone. */
export function createGraphQLRoute({ execute, maxBodyBytes }: GraphQLRouteSettings): Route {
  return {
    methods: ['GET', 'POST'],
    answer: async (request, exchange) => {
      const { method = '' } = request;
      const body = method === 'POST' ? await readJsonBody(request, maxBodyBytes) : undefined;
      return execute({ method, headers: headersOf(request), body, ...exchange });
    },
  };
}

function* headersOf({ headers }: IncomingMessage): Generator<[string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value];
  }
}
