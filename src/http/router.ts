import { randomUUID } from 'node:crypto';
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { setImmediate } from 'node:timers/promises';
import cors from 'cors';
import type { Config } from '../config/config.ts';
import { AppError, type MediaType } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { HttpError, toErrorResponse } from './errorResponse.ts';
import { endEarly, type LingerLimits } from './linger.ts';
import { createNegotiate } from './mediaType.ts';
import { createSlots } from './slots.ts';

/** What belongs to a request besides the request itself. */
export type Exchange = {
  requestId: string;
  /** The media type of the response; undefined if the client accepts none, and on paths without GraphQL. */
  mediaType: MediaType | undefined;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** The client's origin if it may see `server-timing`. */
  timedOrigin: string | undefined;
  /** Makes a signal that aborts when the client disconnects before its response was written, or when the request is cut off. */
  createSignal: () => AbortSignal;
};

export type HttpResponse = {
  status: number;
  headers: Iterable<[string, string]>;
  body: string | Buffer;
};

/** Handles one path. */
export type Route = {
  methods: readonly string[];
  /** Its responses, errors included, have the media type that the client accepts; errors of other routes are JSON. */
  isGraphQL?: true;
  /** The request headers that its responses depend on, errors included. */
  vary?: string;
  /** Throws an `HttpError` or `AppError` to reject the request. */
  handle: (request: IncomingMessage, exchange: Exchange) => Promise<HttpResponse> | HttpResponse;
};

export type Routes = ReadonlyMap<string, Route>;

export type RouterSettings = {
  routes: Routes;
  corsOrigins: readonly string[];
  config: Pick<Config, 'HTTP_SERVER_TIMING'>;
  /** Tells the listeners apart in log and metrics. */
  listener: 'main' | 'admin';
  emit: Emit;
  monotonic: () => number;
};

type ConnectionState = {
  isDraining: () => boolean;
  lingerLimits: LingerLimits;
};

export type Router = {
  listener: RequestListener;
  /** Answers all requests that have no response yet with `SERVICE_UNAVAILABLE`; returns their number. */
  cutOff: () => number;
};

/** Reason phrases that Node does not know (GraphQL over HTTP, September 2026). */
const reasons: Readonly<Record<number, string>> = { 294: 'Partial Success' };
/** A page's own policy, in a meta element, cannot forbid framing. */
const pagePolicy = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'";

/** Gives each request an id, finds its route, and writes the response, or that of the error that the route throws. */
export function createRouter(settings: RouterSettings & ConnectionState): Router {
  const { corsOrigins, config, listener: name, emit, monotonic, isDraining, lingerLimits } = settings;
  const applyCors = createCors(corsOrigins, config.HTTP_SERVER_TIMING);
  const toRouted = createToRouted(settings);
  /** Until their handlers have ended. */
  const inFlight = createSlots<{ response: ServerResponse; routed: Routed }>();

  async function respond(request: IncomingMessage, response: ServerResponse, routed: Routed): Promise<void> {
    const release = inFlight.add({ response, routed });
    try {
      const result = await handle(request, routed).catch((error) => reject(response, routed, error));
      // The end of a body that arrived in one piece is known only after its bytes were passed on.
      if (!request.complete) await setImmediate();
      answer(response, routed, result);
    } catch (error) {
      emit({ type: 'unexpectedError', requestId: routed.exchange.requestId, cause: error });
      response.destroy();
    } finally {
      release();
      routed.isHandled = true;
    }
  }

  function reject(response: ServerResponse, { exchange }: Routed, error: unknown): HttpResponse {
    // A request whose client has disconnected, or that was cut off, is not reported as rejected.
    const report = isOver(response) ? () => {} : emit;
    const { requestId, mediaType = 'application/json' } = exchange;
    return toErrorResponse(error, { listener: name, requestId, mediaType, emit: report });
  }

  function answer(
    response: ServerResponse,
    { exchange: { requestId, timedOrigin }, route, startedMs }: Routed,
    result: HttpResponse,
  ): void {
    if (isOver(response)) return;
    const linger = response.req.complete ? undefined : lingerLimits;
    const durationMs = monotonic() - startedMs;
    const timing = timedOrigin === undefined ? undefined : toTiming(timedOrigin, durationMs);
    send(response, result, { requestId, vary: route?.vary, timing, linger, isLast: isDraining() });
    emit({ type: 'requestEnded', listener: name, status: result.status, durationMs });
  }

  function cutOff(): number {
    const requests = inFlight.list();
    for (const { response, routed } of requests) {
      answer(response, routed, reject(response, routed, createStoppingError()));
    }
    return requests.length;
  }

  function listener(request: IncomingMessage, response: ServerResponse): void {
    const routed = toRouted(request, () => createSignal(response, routed));
    const next = () => void respond(request, response, routed);
    if (routed.route === undefined || applyCors === undefined) next();
    else applyCors(request, response, next);
  }
  return { listener, cutOff };
}

type Routed = {
  exchange: Exchange;
  route: Route | undefined;
  startedMs: number;
  /** Whether the handler has ended. */
  isHandled: boolean;
};

function createStoppingError(): AppError {
  const details = { retryAfterSeconds: 1, reason: 'shutdown timeout' };
  return new AppError('SERVICE_UNAVAILABLE', 'The gateway is stopping. Try again.', details);
}

function createToRouted({ routes, corsOrigins, config, monotonic }: RouterSettings) {
  const negotiate = createNegotiate();
  const timedOrigins = new Set(config.HTTP_SERVER_TIMING ? corsOrigins : []);
  return ({ url = '', headers }: IncomingMessage, createSignal: Exchange['createSignal']): Routed => {
    const { pathname, search } = splitUrl(url);
    const requestId = toRequestId(headers['x-request-id']);
    const route = routes.get(pathname);
    const mediaType = route?.isGraphQL && negotiate(headers.accept);
    const { origin = '' } = headers;
    const timedOrigin = timedOrigins.has(origin) ? origin : undefined;
    return {
      exchange: { requestId, mediaType, search, timedOrigin, createSignal },
      route,
      startedMs: monotonic(),
      isHandled: false,
    };
  };
}

/** Whether a response can no longer be given. */
function isOver({ destroyed, headersSent }: ServerResponse): boolean {
  return destroyed || headersSent;
}

async function handle(request: IncomingMessage, { exchange, route }: Routed): Promise<HttpResponse> {
  if (route === undefined) throw new HttpError(404, 'Not found.');
  const { methods } = route;
  const { method = '' } = request;
  if (methods.includes(method)) {
    const response = await route.handle(request, exchange);
    if (response.status !== 405) return response;
    // A mutation by GET.
    return { ...response, headers: [...response.headers, ...Object.entries(describeMethods(methods))] };
  }
  const headers = describeMethods(methods);
  if (method === 'OPTIONS') return { status: 204, headers: Object.entries(headers), body: '' };
  throw new HttpError(405, `Expected ${methods.join(' or ')}.`, headers);
}

function describeMethods(methods: readonly string[]): Readonly<Record<string, string>> {
  const allow = [...methods, 'OPTIONS'].join(', ');
  // RFC 10008: the types that a QUERY may have.
  return methods.includes('QUERY') ? { allow, 'accept-query': 'application/json' } : { allow };
}

/** Undefined when no origin may call. */
function createCors(origins: readonly string[], isTimed: boolean): ReturnType<typeof cors> | undefined {
  if (origins.length === 0) return undefined;
  const exposedHeaders = ['x-request-id', 'retry-after', 'www-authenticate'];
  if (isTimed) exposedHeaders.push('server-timing');
  const methods = ['GET', 'HEAD', 'POST', 'QUERY'];
  // The router answers a preflight like any other OPTIONS.
  return cors({ origin: [...origins], methods, exposedHeaders, maxAge: 600, preflightContinue: true });
}

/** The caller's id if it is printable ASCII of at most 128 characters, so that it cannot split a header or log line; else a new one. */
function toRequestId(value: string | string[] | undefined): string {
  return typeof value === 'string' && /^[\x20-\x7e]{1,128}$/.test(value) ? value : randomUUID();
}

/** Both forms of RFC 9112, section 3.2: a path, or a whole URL. */
function splitUrl(target: string): { pathname: string; search: string } {
  const url = target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?]*/i, '');
  const mark = url.indexOf('?');
  return mark < 0 ? { pathname: url, search: '' } : { pathname: url.slice(0, mark), search: url.slice(mark) };
}

function createSignal(response: ServerResponse, routed: Routed): AbortSignal {
  const controller = new AbortController();
  const onClose = () => {
    if (!routed.isHandled) controller.abort();
  };
  if (response.destroyed) onClose();
  else response.once('close', onClose);
  return controller.signal;
}

type StaticFile = { type: string; gzipped: Buffer };

/** A file that never changes under its path (RFC 8246), compressed once. Its policy forbids a worker script to load anything. */
export function createFileRoute({ type, gzipped }: StaticFile): Route {
  const headers: [string, string][] = [
    ['content-type', type],
    ['content-encoding', 'gzip'],
    ['cache-control', 'public, max-age=31536000, immutable'],
    ['content-security-policy', "default-src 'none'"],
  ];
  return { methods: ['GET', 'HEAD'], handle: () => ({ status: 200, headers, body: gzipped }) };
}

/** Header names and values in turn. Browsers show `server-timing` to scripts of another origin only if this origin is allowed. */
function toTiming(origin: string, durationMs: number): string[] {
  return ['server-timing', `total;dur=${durationMs}`, 'timing-allow-origin', origin];
}

type SendOptions = {
  requestId: string;
  vary: string | undefined;
  timing: readonly string[] | undefined;
  /** The connection closes after the response, even if the whole request has arrived. */
  isLast: boolean;
  /** Undefined if the whole request has arrived. */
  linger: LingerLimits | undefined;
};

/** All headers go in one list, which Node writes without looking at each. */
function send(response: ServerResponse, answer: HttpResponse, options: SendOptions): void {
  const { status, body } = answer;
  const length = Buffer.byteLength(body);
  const list = toHeaderList(answer, options, response.getHeader('vary'));
  if (status !== 204) list.push('content-length', String(length));
  response.writeHead(status, STATUS_CODES[status] ?? reasons[status] ?? '', list);
  if (options.linger !== undefined) endEarly(response, body, options.linger);
  // Node writes latin1 faster than UTF-8; they are the same for ASCII.
  else response.end(body, length === body.length ? 'latin1' : 'utf8');
}

function toHeaderList(
  { headers }: HttpResponse,
  { requestId, vary, timing, isLast, linger }: SendOptions,
  corsVary: OutgoingHttpHeaders[string],
): string[] {
  const list = ['x-request-id', requestId];
  list.push('x-content-type-options', 'nosniff', 'referrer-policy', 'no-referrer');
  let cacheControl = 'no-store';
  for (const [name, value] of headers) {
    if (name === 'cache-control') cacheControl = value;
    else list.push(name, value);
    if (name === 'content-type' && value === 'text/html') list.push('content-security-policy', pagePolicy);
  }
  list.push('cache-control', cacheControl);
  // Replaces the header that CORS has set.
  if (vary !== undefined) list.push('vary', corsVary === undefined ? vary : `${corsVary}, ${vary}`);
  if (timing !== undefined) list.push(...timing);
  if (isLast || linger !== undefined) list.push('connection', 'close');
  return list;
}
