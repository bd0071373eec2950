import { AsyncLocalStorage } from 'node:async_hooks';
import { ApolloServer, type ApolloServerPlugin, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { Config } from '../config.ts';
import type { Emit } from '../telemetry/events.ts';
import type { TotalLoader } from '../totals/loader.ts';
import type { Caller } from '../totals/source.ts';
import { createTally } from '../totals/tally.ts';
import { createCacheControl } from './cacheControl.ts';
import { createCacheTags } from './cacheTags.ts';
import type { Context } from './context.ts';
import { createDocumentLimits } from './documentLimits.ts';
import { formatError } from './formatError.ts';
import { createOperationEvents } from './operationEvents.ts';
import { createOperationLimit } from './operationLimit.ts';
import { createSchema } from './schema.ts';

type GraphQLRequest = {
  method: string;
  headers: Iterable<[string, string]>;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** The parsed JSON of a POST. */
  body: unknown;
  requestId: string;
  signal: AbortSignal;
};

type GraphQLResponse = { status: number; headers: Iterable<[string, string]>; body: string };

export type GraphQLServer = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  execute: (request: GraphQLRequest) => Promise<GraphQLResponse>;
};

type GraphQLDependencies = {
  config: Config;
  /** Makes the loader of one request. */
  createTotals: (caller: Omit<Caller, 'tenant'>) => TotalLoader;
  emit: Emit;
  now: () => number;
};

/** Apollo Server over the subgraph schema, spoken to without any knowledge of sockets. */
export function createGraphQLServer(dependencies: GraphQLDependencies): GraphQLServer {
  const { createTotals, now } = dependencies;
  // Apollo tells its error exit nothing of the request, so the request is kept at hand for it.
  const current = new AsyncLocalStorage<GraphQLRequest>();
  const apollo = createApollo(dependencies, () => current.getStore()?.requestId ?? '');

  async function execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    const { method, headers, search, body } = request;
    const httpGraphQLRequest = { method, headers: new HeaderMap(headers), search, body };
    return current.run(request, async () =>
      toResponse(
        await apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest,
          context: async () => createContext(request),
        }),
      ),
    );
  }

  function createContext({ requestId, signal }: GraphQLRequest): Context {
    const tally = createTally();
    const totals = createTotals({ requestId, signal, tally });
    return { requestId, startedMs: now(), totals, tally, signal };
  }

  return { start: () => apollo.start(), stop: () => apollo.stop(), execute };
}

function createApollo({ config, emit, now }: GraphQLDependencies, currentRequestId: () => string) {
  return new ApolloServer<Context>({
    schema: createSchema(),
    introspection: config.GRAPHQL_INTROSPECTION,
    hideSchemaDetailsFromClientErrors: !config.GRAPHQL_INTROSPECTION,
    includeStacktraceInErrorResponses: false,
    // Routers lose the reason of a 4xx.
    status400ForVariableCoercionErrors: false,
    maxRecursiveSelections: true,
    validationRules: createDocumentLimits(config),
    parseOptions: { maxTokens: config.GRAPHQL_MAX_TOKENS },
    // Apollo would otherwise change its defaults with NODE_ENV, and take signals for itself.
    nodeEnv: 'production',
    stopOnTerminationSignals: false,
    logger: createApolloLogger(emit),
    formatError: (formatted, thrown) => {
      const requestId = currentRequestId();
      const onUnexpected = (cause: unknown) => emit({ type: 'unexpectedError', requestId, cause });
      return formatError(formatted, thrown, { requestId, onUnexpected });
    },
    plugins: [
      createOperationLimit(config.GRAPHQL_MAX_TOTALS),
      createOperationEvents({ emit, now }),
      createCacheControl({ maxAgeMs: config.CACHE_MAX_AGE_SECONDS * 1000, now }),
      ...(config.GRAPHQL_CACHE_TAGS ? [createCacheTags()] : []),
      createLandingPage(config),
      // Apollo would switch these on by itself, some of them by environment variables.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
}

/** Apollo's warnings speak to who builds the gateway, such as of options that a later version drops. */
function createApolloLogger(emit: Emit) {
  const toDebug = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'debug', message: String(message) });
  const toError = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'error', message: String(message) });
  return { debug: toDebug, info: toDebug, warn: toDebug, error: toError };
}

function createLandingPage({ GRAPHQL_EXPLORER }: Config): ApolloServerPlugin {
  return GRAPHQL_EXPLORER === 'sandbox'
    ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false } })
    : ApolloServerPluginLandingPageDisabled();
}

async function toResponse({ status, headers, body }: HTTPGraphQLResponse): Promise<GraphQLResponse> {
  const text = body.kind === 'complete' ? body.string : (await Array.fromAsync(body.asyncIterator)).join('');
  return { status: status ?? 200, headers, body: text };
}
