import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ApolloServer,
  type ApolloServerPlugin,
  type GraphQLRequestContext,
  HeaderMap,
  type HTTPGraphQLResponse,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.ts';
import { AppError, type MediaType } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Context } from './context.ts';
import type { CostLimit } from './cost.ts';
import { createDocumentLimits } from './documentLimits.ts';
import type { Documents, Operation } from './documents.ts';
import type { Answer, Engine } from './engine.ts';
import type { FormatError } from './formatError.ts';
import type { PersistedQueries } from './persistedQueries.ts';
import type { OperationParameters } from './request.ts';

/** Where Apollo Sandbox runs; its requests come from these origins. */
export const sandboxOrigins = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'];

type ApolloDependencies = {
  config: Config;
  schema: GraphQLSchema;
  documents: Documents;
  persistedQueries: PersistedQueries;
  costLimit: CostLimit;
  engine: Engine;
  formatError: FormatError;
  emit: Emit;
};

type ApolloRequest = {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Of the response; undefined for the landing page. */
  mediaType?: MediaType;
  /** Undefined for the landing page. */
  parameters: OperationParameters | undefined;
  requestId: string;
};

type ApolloResponse = {
  status: number;
  headers: [string, string][];
  body: string;
  /** Undefined when the request was rejected before it was read as GraphQL. */
  answer: Answer | undefined;
  /** The operation name that the request gives. */
  claimedName: string | undefined;
};

export type Apollo = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  /** Without a context, the landing page is all that the caller can get. */
  execute: (request: ApolloRequest, context: Context | undefined) => Promise<ApolloResponse>;
};

/** What the plugin hands to the caller of `execute`. */
type Exchange = { answer: Answer | undefined; claimedName: string | undefined };
type ContextValue = { context: Context; variables: Operation['variables']; exchange: Exchange };

/**
 * Apollo Server without a socket: parses, validates, serves persisted queries and the landing page. Its one plugin has the
 * engine execute.
 */
export function createApollo(dependencies: ApolloDependencies): Apollo {
  // Apollo Server's `formatError` does not say which request an error belongs to.
  const currentRequestId = new AsyncLocalStorage<string>();
  const server = createServer(dependencies, () => currentRequestId.getStore() ?? '');

  async function execute(request: ApolloRequest, context: Context | undefined): Promise<ApolloResponse> {
    const { method, mediaType, parameters: { variables = {}, ...parameters } = {}, requestId } = request;
    const headers = new HeaderMap(flatten(request.headers));
    if (mediaType !== undefined) headers.set('accept', mediaType);
    // Apollo Server rejects members that are there but undefined. It needs no variables, because the engine executes.
    const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
    const search = method === 'GET' ? toSearch(present) : '';
    const httpGraphQLRequest = { method, headers, search, body: Object.fromEntries(present) };
    const exchange: Exchange = { answer: undefined, claimedName: undefined };
    const toContextValue = async () => (context ? { context, variables, exchange } : rejectOperation());
    const response = await currentRequestId.run(requestId, () =>
      server.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: toContextValue }),
    );
    const { status = 200 } = response;
    // The pipeline decides how long a response may be reused, the router which methods a path has.
    const kept = [...response.headers].filter(([name]) => name !== 'cache-control' && name !== 'allow');
    return { status, headers: kept, body: await readBody(response), ...exchange };
  }
  return { start: () => server.start(), stop: () => server.stop(), execute };
}

function* flatten(headers: ApolloRequest['headers']): Generator<[string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value];
  }
}

/** The parameters as Apollo Server reads them from a URL. */
function toSearch(parameters: readonly [string, unknown][]): string {
  const texts = parameters.map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return `?${new URLSearchParams(texts)}`;
}

async function readBody({ body }: HTTPGraphQLResponse): Promise<string> {
  return body.kind === 'complete' ? body.string : (await Array.fromAsync(body.asyncIterator)).join('');
}

/** For a request that is allowed the page without authentication, but asks for data. */
function rejectOperation(): never {
  const originalError = new AppError('UNAUTHENTICATED', 'Expected a request for the explorer page.');
  throw new GraphQLError(originalError.message, { originalError, extensions: { http: { status: 401 } } });
}

/** Sets every option whose default depends on the environment. */
function createServer(dependencies: ApolloDependencies, currentRequestId: () => string) {
  const { config, schema, documents, persistedQueries, formatError, emit } = dependencies;
  const documentLimits = createDocumentLimits(config);
  return new ApolloServer<ContextValue>({
    schema,
    documentStore: documents.store,
    persistedQueries: { cache: persistedQueries },
    introspection: config.GRAPHQL_INTROSPECTION,
    hideSchemaDetailsFromClientErrors: !config.GRAPHQL_INTROSPECTION,
    includeStacktraceInErrorResponses: false,
    // Each error takes time to word.
    validationOptions: { maxErrors: 20 },
    validationRules: [documentLimits.rule],
    parseOptions: { maxTokens: config.GRAPHQL_MAX_TOKENS },
    nodeEnv: 'production',
    stopOnTerminationSignals: false,
    logger: createApolloLogger(emit),
    formatError: (formatted, thrown) => formatError(thrown, currentRequestId(), formatted),
    plugins: [
      documentLimits.shapeGuard,
      createEnginePlugin(dependencies),
      config.GRAPHQL_EXPLORER === 'sandbox'
        ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false } })
        : ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
}

/** Has the engine execute each operation, and keeps its answer for the caller of `execute`. */
function createEnginePlugin({
  documents,
  costLimit,
  engine,
}: ApolloDependencies): ApolloServerPlugin<ContextValue> {
  const toOperation = ({ document, operation: definition, contextValue }: Resolved): Operation | undefined =>
    document && definition
      ? { document: documents.recordOf(document), definition, variables: contextValue.variables }
      : undefined;

  return {
    requestDidStart: async ({ contextValue: { context, exchange } }) => ({
      // Runs before Apollo Server registers a persisted query: a text beyond the limits must not be registered.
      async didResolveOperation(resolved) {
        const operation = toOperation(resolved);
        if (operation !== undefined) costLimit.enforce(operation);
      },
      async responseForOperation(resolved) {
        const operation = toOperation(resolved);
        // Apollo Server creates the error for an operation that does not exist.
        if (operation === undefined) return null;
        exchange.answer = await engine.answer(operation, context);
        const { result } = exchange.answer;
        return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: result } };
      },
      async willSendResponse(resolved) {
        exchange.claimedName = resolved.request.operationName;
        exchange.answer ??= toRejectedAnswer(toOperation(resolved), resolved.response.body);
      },
    }),
  };
}

type Resolved = Pick<GraphQLRequestContext<ContextValue>, 'document' | 'operation' | 'contextValue'>;
type ResponseBody = GraphQLRequestContext<ContextValue>['response']['body'];

/** What Apollo Server answered without the engine. */
function toRejectedAnswer(operation: Operation | undefined, body: ResponseBody): Answer {
  const result = body?.kind === 'single' ? body.singleResult : {};
  const nothing = { cost: 1, cachePolicy: undefined, engine: undefined, retryAfterSeconds: undefined };
  return { operation, result, ...nothing };
}

/** Apollo Server's warnings are for its developers, such as about options that a later version drops. */
function createApolloLogger(emit: Emit) {
  const toDebug = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'debug', message: String(message) });
  const toError = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'error', message: String(message) });
  return { debug: toDebug, info: toDebug, warn: toDebug, error: toError };
}
