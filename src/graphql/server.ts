import { AsyncLocalStorage } from 'node:async_hooks';
import { ApolloServer, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import type { Identity } from '../auth/identity.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Reuse } from '../reuse.ts';
import type { Emit } from '../telemetry/events.ts';
import { createTotalLoader } from '../totals/loader.ts';
import type { TotalSource } from '../totals/source.ts';
import { createTally } from '../totals/tally.ts';
import { createCacheTags } from './cacheTags.ts';
import { createCompiledExecution } from './compiled.ts';
import type { Context, Outcome } from './context.ts';
import { createDocumentLimits } from './documentLimits.ts';
import { createDocumentStore } from './documentStore.ts';
import { createLandingPage } from './explorer.ts';
import { formatError } from './formatError.ts';
import { createOperationEvents } from './operationEvents.ts';
import { createOperationLimit } from './operationLimit.ts';
import { refuseOddHash } from './persistedHash.ts';
import { toReuse } from './reuse.ts';
import { createSafelist, type Safelist } from './safelist.ts';
import { createSchema } from './schema.ts';

type GraphQLRequest = {
  method: string;
  headers: Iterable<[string, string]>;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** The parsed JSON of a POST. */
  body: unknown;
  /** Undefined for who may see the explorer's page and nothing else. */
  identity: Identity | undefined;
  /** Takes so many units of the caller's rate limit; undefined where there is none. */
  charge: ((units: number) => Promise<void>) | undefined;
  requestId: string;
  signal: AbortSignal;
};

type GraphQLResponse = {
  status: number;
  headers: Iterable<[string, string]>;
  body: string;
  /** There where the same question may be answered the same again. */
  reuse: Reuse | undefined;
};

export type GraphQLServer = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  execute: (request: GraphQLRequest) => Promise<GraphQLResponse>;
};

/** Texts of operations by their hash. */
type PersistedQueries = {
  get: (key: string) => Promise<string | undefined>;
  set: (key: string, text: string) => Promise<void>;
  delete: (key: string) => Promise<void>;
};

type GraphQLDependencies = {
  config: Config;
  source: TotalSource;
  persistedQueries: PersistedQueries;
  emit: Emit;
  now: () => number;
};

type ApolloParts = { schema: GraphQLSchema; safelist: Safelist | undefined; currentRequestId: () => string };

/** Apollo Server over the subgraph schema, spoken to without any knowledge of sockets. */
export function createGraphQLServer(dependencies: GraphQLDependencies): GraphQLServer {
  const { config, source, now } = dependencies;
  const maxAgeMs = config.CACHE_MAX_AGE_SECONDS * 1000;
  // Apollo tells its error exit nothing of the request, so the request is kept at hand for it.
  const current = new AsyncLocalStorage<GraphQLRequest>();
  const currentRequestId = () => current.getStore()?.requestId ?? '';
  const schema = createSchema();
  const safelist = config.GRAPHQL_SAFELIST && createSafelist(config.GRAPHQL_SAFELIST, schema);
  const apollo = createApollo(dependencies, { schema, safelist, currentRequestId });

  async function execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    refuseOddHash(request);
    // Whoever asks for a page learns nothing of the list.
    const held = request.identity === undefined ? undefined : safelist?.hold(request);
    const { method, headers, search, body } = held ?? request;
    const httpGraphQLRequest = { method, headers: new HeaderMap(headers), search, body };
    let created: Context | undefined;
    const context = async () => {
      created = createContext(request);
      return created;
    };
    const isPurged = source.watch();
    const response = await current.run(request, async () =>
      toResponse(await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context })),
    );
    return { ...response, reuse: created && toReuse(created, { maxAgeMs, isPurged }) };
  }

  function createContext({ identity, charge, requestId, signal }: GraphQLRequest): Context {
    if (identity === undefined) throw unknownCaller();
    const tally = createTally();
    const { tenant, maySee } = identity;
    const totals = createTotalLoader(source, { tenant, maySee, requestId, signal, tally });
    const outcome: Outcome = { operationName: null, units: 1, hasErrors: true, execution: 'interpreted' };
    return { requestId, startedMs: now(), totals, tally, outcome, charge, signal };
  }

  return { start: () => apollo.start(), stop: () => apollo.stop(), execute };
}

function createApollo(dependencies: GraphQLDependencies, parts: ApolloParts) {
  const { config, emit, now, persistedQueries } = dependencies;
  const { schema, safelist, currentRequestId } = parts;
  const toFormatted = (formatted: GraphQLFormattedError, thrown: unknown) => {
    const requestId = currentRequestId();
    const onUnexpected = (cause: unknown) => emit({ type: 'unexpectedError', requestId, cause });
    return formatError(formatted, thrown, { requestId, onUnexpected });
  };
  const documentLimits = createDocumentLimits(config);
  return new ApolloServer<Context>({
    schema,
    documentStore: createDocumentStore(),
    persistedQueries: { cache: safelist === undefined ? persistedQueries : toPersistedQueries(safelist) },
    introspection: config.GRAPHQL_INTROSPECTION,
    hideSchemaDetailsFromClientErrors: !config.GRAPHQL_INTROSPECTION,
    includeStacktraceInErrorResponses: false,
    // Routers lose the reason of a 4xx.
    status400ForVariableCoercionErrors: false,
    maxRecursiveSelections: true,
    // Each complaint takes time to word; nobody reads the hundredth.
    validationOptions: { maxErrors: 20 },
    validationRules: documentLimits.rules,
    parseOptions: { maxTokens: config.GRAPHQL_MAX_TOKENS },
    // Apollo would otherwise change its defaults with NODE_ENV, and take signals for itself.
    nodeEnv: 'production',
    stopOnTerminationSignals: false,
    logger: createApolloLogger(emit),
    formatError: toFormatted,
    plugins: [
      documentLimits.knotCutter,
      createOperationLimit(largestOperation(config)),
      createOperationEvents({ emit, now }),
      ...(config.GRAPHQL_CACHE_TAGS ? [createCacheTags()] : []),
      createCompiledExecution(toFormatted),
      createLandingPage(config),
      // Apollo would switch these on by itself, some of them by environment variables.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
}

/** Whoever asked for a page, and in a way that is none. */
function unknownCaller(): GraphQLError {
  const originalError = new AppError('UNAUTHENTICATED', 'Expected a request for a page alone.');
  return new GraphQLError(originalError.message, { originalError, extensions: { http: { status: 401 } } });
}

/** By id alone: Apollo Server puts this before it. */
function toPersistedQueries({ find }: Safelist): PersistedQueries {
  return {
    get: async (key) => find(key.replace(/^apq:/, '')),
    set: async () => {},
    delete: async () => {},
  };
}

/** What costs more than a minute's units could never run, however often it is tried. */
function largestOperation({
  GRAPHQL_MAX_TOTALS: maxTotals,
  RATE_LIMIT_PER_MINUTE: perMinute,
}: Config): number {
  return perMinute === 0 ? maxTotals : Math.min(maxTotals, perMinute);
}

/** Apollo's warnings speak to who builds the gateway, such as of options that a later version drops. */
function createApolloLogger(emit: Emit) {
  const toDebug = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'debug', message: String(message) });
  const toError = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'error', message: String(message) });
  return { debug: toDebug, info: toDebug, warn: toDebug, error: toError };
}

async function toResponse({ status, headers, body }: HTTPGraphQLResponse) {
  const text = body.kind === 'complete' ? body.string : (await Array.fromAsync(body.asyncIterator)).join('');
  return { status: status ?? 200, headers, body: text };
}
