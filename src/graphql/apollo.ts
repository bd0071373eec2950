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
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Context } from './context.ts';
import { createDocumentLimits } from './documentLimits.ts';
import type { DocumentStore } from './documents.ts';
import { createLandingPage } from './explorer.ts';
import type { Operation } from './operation.ts';
import type { OperationSteps } from './operationSteps.ts';
import { refuseOddHash } from './persistedHash.ts';

/** Texts of operations by their hash. */
export type PersistedQueries = {
  get: (key: string) => Promise<string | undefined>;
  set: (key: string, text: string) => Promise<void>;
  delete: (key: string) => Promise<void>;
};

type ApolloDependencies = {
  config: Config;
  schema: GraphQLSchema;
  documents: DocumentStore;
  persistedQueries: PersistedQueries;
  steps: OperationSteps;
  format: (formatted: GraphQLFormattedError, thrown: unknown, requestId: string) => GraphQLFormattedError;
  emit: Emit;
};

type Asked = {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  search: string;
  body: unknown;
  requestId: string;
};

type Answer = { status: number; headers: [string, string][]; body: string };

export type Apollo = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  /** `toContext` may throw where the caller may not execute anything. */
  ask: (asked: Asked, toContext: () => Context) => Promise<Answer>;
};

/** Apollo Server, asked without a socket. */
export function createApollo(dependencies: ApolloDependencies): Apollo {
  // It tells its error exit nothing of the request, so the id is kept at hand for that.
  const currentId = new AsyncLocalStorage<string>();
  const server = createServer(dependencies, () => currentId.getStore() ?? '');

  async function ask(asked: Asked, toContext: () => Context): Promise<Answer> {
    refuseOddHash(asked);
    const { method, search, body, requestId } = asked;
    const httpGraphQLRequest = { method, headers: new HeaderMap(flatten(asked.headers)), search, body };
    const context = async () => toContext();
    const response = await currentId.run(requestId, () =>
      server.executeHTTPGraphQLRequest({ httpGraphQLRequest, context }),
    );
    const { status = 200, headers } = response;
    return { status, headers: [...headers], body: await toText(response) };
  }
  return { start: () => server.start(), stop: () => server.stop(), ask };
}

function* flatten(headers: Asked['headers']): Generator<[string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value];
  }
}

async function toText({ body }: HTTPGraphQLResponse): Promise<string> {
  return body.kind === 'complete' ? body.string : (await Array.fromAsync(body.asyncIterator)).join('');
}

/** With everything decided that it would decide by itself. */
function createServer(dependencies: ApolloDependencies, currentRequestId: () => string) {
  const { config, schema, documents, persistedQueries, steps, format, emit } = dependencies;
  const documentLimits = createDocumentLimits(config);
  return new ApolloServer<Context>({
    schema,
    documentStore: documents,
    persistedQueries: { cache: persistedQueries },
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
    formatError: (formatted, thrown) => format(formatted, thrown, currentRequestId()),
    plugins: [
      documentLimits.knotCutter,
      createOperationPlugin(steps),
      createLandingPage(config),
      // Apollo would switch these on by itself, some of them by environment variables.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
}

/** Takes an operation through our steps where Apollo Server takes it through its own. */
function createOperationPlugin({ admit, compiled, end }: OperationSteps): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async didResolveOperation(resolved) {
        const operation = toOperation(resolved);
        if (operation !== undefined) await admit(operation, resolved.contextValue);
      },
      async responseForOperation(resolved) {
        const operation = toOperation(resolved);
        const singleResult = operation && (await compiled.run(operation, resolved.contextValue));
        if (singleResult === undefined) return null;
        return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } };
      },
      async willSendResponse(resolved) {
        const { body } = resolved.response;
        const result = body.kind === 'single' ? body.singleResult : body.initialResult;
        const { operationName: claimedName } = resolved.request;
        end({ operation: toOperation(resolved), claimedName, result }, resolved.contextValue);
      },
    }),
  };
}

type Resolved = Pick<GraphQLRequestContext<Context>, 'document' | 'operation' | 'request'>;

function toOperation({ document, operation: definition, request }: Resolved): Operation | undefined {
  if (document === undefined || definition === undefined) return undefined;
  return { document, definition, variables: request.variables ?? {} };
}

/** Apollo's warnings speak to who builds the gateway, such as of options that a later version drops. */
function createApolloLogger(emit: Emit) {
  const toDebug = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'debug', message: String(message) });
  const toError = (message: unknown) =>
    emit({ type: 'apolloMessage', severity: 'error', message: String(message) });
  return { debug: toDebug, info: toDebug, warn: toDebug, error: toError };
}
