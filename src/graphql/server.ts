import type { FormattedExecutionResult } from 'graphql';
import type { Tenant } from '../auth/tenant.ts';
import type { Config } from '../config/config.ts';
import { type MediaType, toStatus } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Span } from '../telemetry/tracing.ts';
import { createTotalLoader } from '../totals/loader.ts';
import type { TotalSource } from '../totals/source.ts';
import { createLoadStats, type LoadStats } from '../totals/stats.ts';
import { createApollo } from './apollo.ts';
import type { Context } from './context.ts';
import { createCostLimit } from './cost.ts';
import { createDocuments } from './documents.ts';
import { type Answer, type CachePolicy, createEngine } from './engine.ts';
import { createFormatError } from './formatError.ts';
import type { PersistedQueries } from './persistedQueries.ts';
import { type OperationParameters, parseRequest } from './request.ts';
import { createSafelist, toPersistedQueries } from './safelist.ts';
import { createSchema } from './schema.ts';

type GraphQLRequest = {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Of the response. */
  mediaType: MediaType;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** The parsed JSON of a POST. */
  body: unknown;
  identity: { tenant: Tenant; maySee: (customerId: string) => boolean };
  /** Takes points from the caller's rate limit; undefined without a limit. */
  consume: ((points: number) => Promise<void>) | undefined;
  requestId: string;
  span: Span;
  /** Aborted when the client disconnects. */
  signal: AbortSignal;
};

/** What is reported of an operation: to the log, to metrics and to traces. */
export type OperationReport = {
  /** The name in the document; null when it has none or was not found. */
  operationName: string | null;
  operationType: string | undefined;
  /** The name that the request gives to an operation that was not found. May be any text. */
  claimedName: string | undefined;
  outcome: 'ok' | 'partial' | 'failed';
  /** The distinct codes of the errors. */
  codes: readonly string[];
  upstreamCalls: number;
  /** How long the operation waited for Zenskar; undefined if it did not. */
  upstreamMs: number | undefined;
  /** How many totals came from which source. */
  totals: Readonly<Record<string, number>>;
  execution: 'interpreted' | 'compiled' | undefined;
};

export type GraphQLResponse = {
  status: number;
  headers: readonly [string, string][];
  body: string;
  /** Undefined when the request was rejected before it was read as GraphQL. */
  report: OperationReport | undefined;
  /** Points of the rate limit. */
  cost: number;
  cachePolicy: CachePolicy | undefined;
  retryAfterSeconds: number | undefined;
};

export type GraphQLServer = {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  execute: (request: GraphQLRequest) => Promise<GraphQLResponse>;
  /** Answers a browser that asks for the explorer; no caller is authenticated. */
  serveLandingPage: (request: PageRequest) => Promise<GraphQLResponse>;
};

type PageRequest = Pick<GraphQLRequest, 'method' | 'headers' | 'requestId'>;
type UnknownRequest = PageRequest & Pick<GraphQLRequest, 'mediaType'> & { parameters: OperationParameters };

type GraphQLDependencies = {
  config: Config;
  source: TotalSource;
  persistedQueries: PersistedQueries;
  emit: Emit;
};

/** A name is for people; a longer one is cut. */
const maxNameLength = 128;

/** GraphQL without sockets: known documents go straight to the engine, all others through Apollo Server. */
export function createGraphQLServer(dependencies: GraphQLDependencies): GraphQLServer {
  const { config, source, emit } = dependencies;
  const schema = createSchema();
  const documents = createDocuments();
  const rules = { schema, limits: config };
  const safelist = config.GRAPHQL_SAFELIST && createSafelist(config.GRAPHQL_SAFELIST, rules);
  const persistedQueries = safelist ? toPersistedQueries(safelist) : dependencies.persistedQueries;
  const costLimit = createCostLimit(config);
  const formatError = createFormatError(emit);
  const engine = createEngine({ config, schema, costLimit, source, formatError });
  const parts = { ...dependencies, schema, documents, persistedQueries, costLimit, engine, formatError };
  const apollo = createApollo(parts);

  async function execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    const requested = parseRequest(request);
    const parameters = safelist?.enforce(requested) ?? requested;
    const context = createContext(source, request);
    const { mediaType } = request;
    // A GET has to pass Apollo Server's CSRF check first.
    const operation = request.method === 'POST' ? documents.findOperation(parameters) : undefined;
    if (operation === undefined) return executeUnknown({ ...request, parameters }, context);
    const answer = await engine.answer(operation, context);
    const headers: [string, string][] = [['content-type', `${mediaType}; charset=utf-8`]];
    return {
      status: toHttpStatus(answer.result, mediaType),
      headers,
      body: toBody(answer.result),
      ...toOutcome(answer, context.stats),
    };
  }

  async function executeUnknown(request: UnknownRequest, context: Context): Promise<GraphQLResponse> {
    const { answer, claimedName, ...response } = await apollo.execute(request, context);
    if (answer === undefined) return { ...response, ...noOutcome };
    // A mutation by GET has no other code than a malformed request.
    const status = response.status === 405 ? 405 : toHttpStatus(answer.result, request.mediaType);
    return { ...response, status, ...toOutcome(answer, context.stats, claimedName) };
  }

  async function serveLandingPage(request: PageRequest): Promise<GraphQLResponse> {
    const page = { ...request, parameters: undefined };
    const { answer, claimedName, ...response } = await apollo.execute(page, undefined);
    return { ...response, ...noOutcome };
  }
  return { start: apollo.start, stop: apollo.stop, execute, serveLandingPage };
}

function createContext(source: TotalSource, request: GraphQLRequest): Context {
  const { identity, consume, requestId, span, signal } = request;
  const stats = createLoadStats();
  const { tenant, maySee } = identity;
  const totals = createTotalLoader(source, { tenant, maySee, requestId, span, signal, stats });
  return { requestId, span, totals, stats, consume };
}

/** 294 is "Partial Success", of the GraphQL over HTTP specification. */
function toHttpStatus({ data, errors }: FormattedExecutionResult, mediaType: MediaType): number {
  if (data === undefined) return toStatus(errors?.[0]?.extensions?.code, mediaType);
  return errors !== undefined && mediaType === 'application/graphql-response+json' ? 294 : 200;
}

/** Members in the order that Apollo Server writes them. */
function toBody({ errors, data, extensions }: FormattedExecutionResult): string {
  return `${JSON.stringify({ errors, data, extensions })}\n`;
}

const noOutcome = { report: undefined, cost: 1, cachePolicy: undefined, retryAfterSeconds: undefined };

function toOutcome(answer: Answer, stats: LoadStats, claimedName?: string) {
  const { operation, result, cost, cachePolicy, retryAfterSeconds } = answer;
  const { name, operation: operationType } = operation?.definition ?? {};
  const report: OperationReport = {
    operationName: name?.value.slice(0, maxNameLength) ?? null,
    operationType,
    claimedName: operation === undefined ? claimedName?.slice(0, maxNameLength) : undefined,
    outcome: toOutcomeName(result, stats),
    codes: [...new Set(result.errors?.map(({ extensions }) => String(extensions?.code)))],
    upstreamCalls: stats.upstreamCalls,
    upstreamMs: stats.upstreamMs,
    totals: stats.sources,
    execution: answer.engine,
  };
  return { report, cost, cachePolicy, retryAfterSeconds };
}

function toOutcomeName(
  { errors }: FormattedExecutionResult,
  { sources }: LoadStats,
): OperationReport['outcome'] {
  if (!errors?.length) return 'ok';
  const { failed = 0, ...answered } = sources;
  return Object.keys(answered).length > 0 ? 'partial' : 'failed';
}
