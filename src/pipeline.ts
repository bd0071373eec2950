import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { type Authenticate, type Identity, identifyingHeaders } from './auth/authenticate.ts';
import type { RateLimiter } from './auth/rateLimiter.ts';
import type { Config } from './config/config.ts';
import { AppError, type MediaType } from './errors.ts';
import type { CachePolicy } from './graphql/engine.ts';
import type { GraphQLResponse, GraphQLServer, OperationReport } from './graphql/server.ts';
import { parseJsonBody, readBody } from './http/body.ts';
import { createClientAddress } from './http/clientAddress.ts';
import { HttpError, toErrorCode } from './http/errorResponse.ts';
import { prefersPage } from './http/mediaType.ts';
import type { Exchange, HttpResponse, Route } from './http/router.ts';
import { createResponseCache } from './responseCache.ts';
import type { Emit, OperationEnded } from './telemetry/events.ts';
import { describeOperation, type Span, type Tracing } from './telemetry/tracing.ts';

type PipelineDependencies = {
  config: Config;
  authenticate: Authenticate;
  /** Undefined without a limit. */
  rateLimiter: RateLimiter | undefined;
  graphql: GraphQLServer;
  tracing: Tracing;
  /** GraphiQL's page, when it is on. */
  page: string | undefined;
  emit: Emit;
  monotonic: () => number;
};

/**
 * The path of every GraphQL request, in seven stages. A hit in the response cache skips the fifth and sixth. A stage rejects a
 * request by an error, which `http/errorResponse.ts` turns into the response.
 */
export function createPipeline(dependencies: PipelineDependencies): Route {
  const { config, graphql, tracing, monotonic } = dependencies;
  const limit = createLimit(dependencies);
  const authenticate = createPageOrAuthenticate(dependencies, limit);
  // A cache between client and gateway must not give one caller's response to another (RFC 9111, section 4.1).
  const vary = ['accept', ...identifyingHeaders[config.AUTH_MODE]].join(', ');
  const servePage = createServePage(dependencies);
  const finish = createFinish(dependencies);
  const responses = createResponseCache(monotonic);

  async function respond(request: IncomingMessage, exchange: Exchange, span: Span): Promise<HttpResponse> {
    const { headers } = request;
    const method = toEquivalent(request.method);
    const { requestId, mediaType, search, timedOrigin, createSignal } = exchange;
    // 1 authenticate, 2 rate limit
    const identity = await authenticate(request);
    const consume = limit(request, identity);
    // One point now, so that unreadable requests cost as well; the others when the totals are counted.
    await consume?.(1);
    if (identity === undefined) return servePage({ method, headers, requestId });
    if (mediaType === undefined) throw notAcceptable();
    // 3 read the body
    const bytes = method === 'POST' ? await readBody(request, config.HTTP_MAX_BODY_BYTES) : undefined;
    const startedMs = monotonic();
    // 4 look into the response cache
    const key = bytes && toCacheKey(identity, { mediaType, search, bytes });
    const stored = key && responses.get(key);
    // Without enough points for a hit, the engine rejects the operation as any other.
    if (stored !== undefined && (await hasPoints(consume, stored.cost - 1)))
      return finish(stored, { requestId, span, startedMs, timedOrigin, responseCache: 'hit' });
    // 5 execute
    const body = bytes && parseJsonBody(bytes, key?.rawBody.text);
    const signal = createSignal();
    const execution = {
      method,
      headers,
      mediaType,
      search,
      body,
      identity,
      consume,
      requestId,
      span,
      signal,
    };
    const response = await graphql.execute(execution);
    // 6 store the response, 7 finish
    if (key !== undefined) responses.set(key, toHit(response));
    return finish(response, { requestId, span, startedMs, timedOrigin, responseCache: 'miss', signal });
  }

  const handle = inSpan(tracing, respond);
  return { methods, isGraphQL: true, vary, handle };
}

type Respond = (request: IncomingMessage, exchange: Exchange, span: Span) => Promise<HttpResponse>;

/** Gives each request a span, which also describes the error of a rejected request. */
function inSpan(tracing: Tracing, respond: Respond): Route['handle'] {
  return async (request, exchange) => {
    const span = tracing.startOperation(request.headers);
    try {
      return await respond(request, exchange, span);
    } catch (error) {
      describeOperation(span, { outcome: 'failed', codes: [toErrorCode(error)] }, {});
      throw error;
    } finally {
      span.end();
    }
  };
}

/** Serves the explorer's page: GraphiQL's, or Apollo Server's for Sandbox. */
function createServePage({ graphql, page }: PipelineDependencies) {
  return async (request: Parameters<GraphQLServer['serveLandingPage']>[0]): Promise<HttpResponse> => {
    if (page === undefined) return graphql.serveLandingPage(request);
    return { status: 200, headers: [['content-type', 'text/html']], body: page };
  };
}

type Caller = Pick<IncomingMessage, 'method' | 'headers' | 'socket'>;
type Consume = (points: number) => Promise<void>;

/** A request counts against the limit of its caller, or of the client address if the caller has no name. */
function createLimit({ rateLimiter, config }: PipelineDependencies) {
  const addressOf = createClientAddress(config.TRUSTED_PROXIES);
  return (request: Caller, identity: Identity | undefined): Consume | undefined => {
    if (rateLimiter === undefined) return undefined;
    const name = `${identity?.tenant.scope ?? ''}/${identity?.name ?? addressOf(request)}`;
    return (points) => rateLimiter.consume(name, points);
  };
}

/** Consumes these points; false if the caller has too few left, and then none are consumed. */
async function hasPoints(consume: Consume | undefined, points: number): Promise<boolean> {
  if (consume === undefined || points === 0) return true;
  return consume(points).then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'RATE_LIMITED') return false;
      throw error;
    },
  );
}

/** Undefined for the explorer's page: it holds no data, and a browser that opens it cannot send credentials. */
function createPageOrAuthenticate(
  { config, authenticate }: PipelineDependencies,
  limit: ReturnType<typeof createLimit>,
): (request: Caller) => Promise<Identity | undefined> {
  return async (request) => {
    if (config.GRAPHQL_EXPLORER !== 'off' && wantsPage(request)) return undefined;
    try {
      return await authenticate(request.headers);
    } catch (error) {
      // Guessing credentials costs the address a point. An issuer that is down costs nothing.
      if (toErrorCode(error) === 'UNAUTHENTICATED') await limit(request, undefined)?.(1);
      throw error;
    }
  };
}

const methods = ['GET', 'HEAD', 'POST', 'QUERY'];
const equivalents: Readonly<Record<string, string>> = { HEAD: 'GET', QUERY: 'POST' };

/** For GraphQL, a HEAD is a GET and a QUERY is a POST (docs/decisions/0014). */
function toEquivalent(method = ''): string {
  return equivalents[method] ?? method;
}

function wantsPage({ method, headers }: Caller): boolean {
  return toEquivalent(method) === 'GET' && prefersPage(headers.accept);
}

type Finishing = Pick<OperationEnded, 'requestId' | 'responseCache'> & {
  span: Span;
  startedMs: number;
  timedOrigin: Exchange['timedOrigin'];
  signal?: AbortSignal;
};

/** Reports an operation, once, and adds the headers that every route promises. */
function createFinish({ emit, monotonic }: PipelineDependencies) {
  function report(operation: OperationReport, finishing: Finishing, durationMs: number): void {
    const { requestId, span, responseCache, signal } = finishing;
    const { operationName, operationType } = operation;
    // A client that has disconnected gets no result, and no failure either.
    const isCancelled = signal?.aborted === true;
    const event: OperationEnded = {
      type: 'operationEnded',
      requestId,
      traceId: span.traceId,
      operationName,
      claimedName: operation.claimedName,
      outcome: isCancelled ? 'cancelled' : operation.outcome,
      codes: isCancelled ? [] : operation.codes,
      upstreamCalls: operation.upstreamCalls,
      totals: operation.totals,
      responseCache,
      execution: operation.execution,
      durationMs,
    };
    emit(event);
    describeOperation(span, event, { type: operationType, name: operationName ?? undefined });
  }

  return (response: GraphQLResponse, finishing: Finishing): HttpResponse => {
    const { status, body, cachePolicy, retryAfterSeconds } = response;
    const nowMs = monotonic();
    if (response.report !== undefined) report(response.report, finishing, nowMs - finishing.startedMs);
    const headers = [...response.headers];
    if (finishing.timedOrigin !== undefined && response.report !== undefined)
      headers.push(...toServerTiming(response.report));
    if (retryAfterSeconds !== undefined) headers.push(['retry-after', String(retryAfterSeconds)]);
    if (cachePolicy !== undefined) headers.push(['cache-control', toCacheControl(cachePolicy, nowMs)]);
    return { status, headers, body };
  };
}

/** The metrics of `server-timing` (W3C Server Timing) that the router does not know; none without totals. */
function toServerTiming({ upstreamMs, totals }: OperationReport): [string, string][] {
  if (upstreamMs !== undefined) return [['server-timing', `cache;desc=miss, upstream;dur=${upstreamMs}`]];
  const { failed, ...found } = totals;
  return Object.keys(found).length > 0 ? [['server-timing', 'cache;desc=hit']] : [];
}

/** For how long the response may be reused (RFC 9111, section 5.2.2), by this caller only. */
function toCacheControl({ expiresAtMs }: CachePolicy, nowMs: number): string {
  return `private, max-age=${Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000))}`;
}

/** The response as the next requests get it: nothing is loaded or executed for them. */
function toHit(response: GraphQLResponse): GraphQLResponse {
  const { report } = response;
  if (report === undefined) return response;
  const totals = { memory: Object.values(report.totals).reduce((sum, count) => sum + count, 0) };
  return {
    ...response,
    report: { ...report, upstreamCalls: 0, upstreamMs: undefined, totals, execution: undefined },
  };
}

function notAcceptable(): HttpError {
  return new HttpError(
    406,
    'Expected accept to allow application/graphql-response+json or application/json.',
  );
}

type Posted = { mediaType: MediaType; search: string; bytes: Buffer };

/** Everything that a response depends on. A GET is not cached: it has to pass Apollo Server's CSRF check first. */
function toCacheKey({ tenant, accessKey }: Identity, { mediaType, search, bytes }: Posted) {
  const varyKey = `${tenant.scope}\n${accessKey}\n${mediaType}\n${search}`;
  return { varyKey, rawBody: { text: bytes.toString('latin1'), checksum: crc32(bytes) } };
}
