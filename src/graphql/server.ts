import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Identity } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Reuse } from '../reuse.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Span } from '../telemetry/tracing.ts';
import { createTotalLoader } from '../totals/loader.ts';
import type { TotalSource } from '../totals/source.ts';
import { createLoadStats } from '../totals/stats.ts';
import { createApollo, type PersistedQueries } from './apollo.ts';
import type { Context, Outcome } from './context.ts';
import { createDocumentStore } from './documents.ts';
import { formatError } from './formatError.ts';
import { createOperationSteps } from './operationSteps.ts';
import { toReuse } from './reuse.ts';
import { createSafelist, type Safelist } from './safelist.ts';
import { createSchema } from './schema.ts';
import { createShortcut } from './shortcut.ts';

type GraphQLRequest = {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** The parsed JSON of a POST. */
  body: unknown;
  /** Undefined for who may see the explorer's page and nothing else. */
  identity: Identity | undefined;
  /** Takes so many units of the caller's rate limit; undefined where there is none. */
  charge: ((units: number) => Promise<void>) | undefined;
  requestId: string;
  /** The operation as traces tell of it. */
  span: Span;
  signal: AbortSignal;
};

type GraphQLResponse = {
  status: number;
  headers: readonly [string, string][];
  body: string;
  /** There where the same question may be answered the same again. */
  reuse: Reuse | undefined;
};

export type GraphQLServer = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  execute: (request: GraphQLRequest) => Promise<GraphQLResponse>;
};

type GraphQLDependencies = {
  config: Config;
  source: TotalSource;
  persistedQueries: PersistedQueries;
  emit: Emit;
  now: () => number;
};

/** Apollo Server over the subgraph schema, and a shorter way beside it, spoken to without any knowledge of sockets. */
export function createGraphQLServer(dependencies: GraphQLDependencies): GraphQLServer {
  const { config, source, emit, now } = dependencies;
  const maxAgeMs = config.CACHE_MAX_AGE_SECONDS * 1000;
  const schema = createSchema();
  const documents = createDocumentStore();
  const safelist = config.GRAPHQL_SAFELIST && createSafelist(config.GRAPHQL_SAFELIST, schema);
  const persistedQueries = safelist ? toPersistedQueries(safelist) : dependencies.persistedQueries;
  const format = createFormat(emit);
  const steps = createOperationSteps({
    ...dependencies,
    schema,
    formatError: (error, requestId) => format(error.toJSON(), error, requestId),
  });
  const shortcut = createShortcut(documents, steps);
  const apollo = createApollo({ ...dependencies, schema, documents, persistedQueries, steps, format });

  async function execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    // Whoever asks for a page learns nothing of the list.
    if (request.identity === undefined)
      return { ...(await apollo.ask(request, refuseUnknown)), reuse: undefined };
    const held = safelist?.hold(request) ?? request;
    const context = createContext(request, request.identity);
    const isPurged = source.watch();
    const response = (await shortcut.answer(held, context)) ?? (await askApollo(held, context));
    return { ...response, reuse: toReuse(context, { maxAgeMs, isPurged }) };
  }

  async function askApollo(request: GraphQLRequest, context: Context) {
    const response = await apollo.ask(request, () => context);
    if (context.outcome.execution === 'compiled') shortcut.learn(request, response);
    return response;
  }

  function createContext({ charge, requestId, span, signal }: GraphQLRequest, identity: Identity): Context {
    const stats = createLoadStats();
    const { tenant, maySee } = identity;
    const totals = createTotalLoader(source, { tenant, maySee, requestId, span, signal, stats });
    const outcome: Outcome = { operationName: null, units: 1, hasErrors: true, execution: 'interpreted' };
    const own = { requestId, span, startedMs: now(), signal, charge: charge && once(charge) };
    return { ...own, totals, stats, outcome };
  }

  return { start: () => apollo.start(), stop: () => apollo.stop(), execute };
}

function createFormat(emit: Emit) {
  return (formatted: GraphQLFormattedError, thrown: unknown, requestId: string) => {
    const onUnexpected = (cause: unknown) => emit({ type: 'unexpectedError', requestId, cause });
    return formatError(formatted, thrown, { requestId, onUnexpected });
  };
}

/** Whoever is taken the short way first, and then the long one, pays once. */
function once(charge: (units: number) => Promise<void>): (units: number) => Promise<void> {
  let charged: Promise<void> | undefined;
  return (units) => {
    charged ??= charge(units);
    return charged;
  };
}

/** Whoever asked for a page, and in a way that is none. */
function refuseUnknown(): never {
  const originalError = new AppError('UNAUTHENTICATED', 'Expected a request for a page alone.');
  throw new GraphQLError(originalError.message, { originalError, extensions: { http: { status: 401 } } });
}

/** By id alone: Apollo Server puts this before it. */
function toPersistedQueries({ find }: Safelist): PersistedQueries {
  return {
    get: async (key) => find(key.replace(/^apq:/, '')),
    set: async () => {},
    delete: async () => {},
  };
}
