import type { IncomingMessage } from 'node:http';
import { challenges } from '../auth/identify.ts';
import type { Identify, Identity } from '../auth/identity.ts';
import type { Charge } from '../auth/rateLimit.ts';
import type { Config } from '../config.ts';
import { readJsonBody } from './body.ts';
import { createClientAddress } from './clientAddress.ts';
import type { Exchange, HttpAnswer, Route } from './route.ts';

/** A GraphQL request as it came over HTTP; whoever executes it need not know sockets. */
type GraphQLRequest = Exchange & {
  method: string;
  headers: Iterable<[string, string]>;
  body: unknown;
  /** Undefined for who asks for the explorer's page. */
  identity: Identity | undefined;
  charge: (units: number) => Promise<void>;
};

type GraphQLRouteDependencies = {
  execute: (request: GraphQLRequest) => Promise<HttpAnswer>;
  identify: Identify;
  charge: Charge;
  config: Config;
};

/** GraphQL over HTTP, up to the point where it is GraphQL alone. Nobody's body is read before they said who they are. */
export function createGraphQLRoute({ config, execute, ...dependencies }: GraphQLRouteDependencies): Route {
  const addressOf = createClientAddress(config.TRUSTED_PROXIES);

  /** Undefined where the explorer's page is asked for: it holds nothing, and no browser can say who it fetches it for. */
  async function identify(request: IncomingMessage): Promise<Identity | undefined> {
    if (config.GRAPHQL_EXPLORER !== 'off' && wantsPage(request)) return undefined;
    return dependencies.identify(request.headers);
  }

  return {
    methods: ['GET', 'POST'],
    challenge: challenges[config.AUTH_MODE],
    answer: async (request, exchange) => {
      const { method = '' } = request;
      const identity = await identify(request);
      const caller = `${identity?.tenant.scope ?? ''}/${identity?.name ?? addressOf(request)}`;
      const charge = (units: number) => dependencies.charge(caller, units);
      await charge(1);
      const body = method === 'POST' ? await readJsonBody(request, config.HTTP_MAX_BODY_BYTES) : undefined;
      return execute({ method, headers: headersOf(request), body, identity, charge, ...exchange });
    },
  };
}

function wantsPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

function* headersOf({ headers }: IncomingMessage): Generator<[string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value];
  }
}
