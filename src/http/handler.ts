import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import cors from 'cors';
import type { Emit } from '../telemetry/events.ts';
import { readJsonBody } from './body.ts';
import { HttpError, toErrorBody } from './httpError.ts';
import { toRequestId } from './requestId.ts';

/** A GraphQL request as it came over HTTP, and its answer; whoever executes it need not know sockets. */
type HttpRequest = {
  method: string;
  headers: Iterable<[string, string]>;
  search: string;
  body: unknown;
  requestId: string;
  /** Aborted when the client has gone before its answer was written. */
  signal: AbortSignal;
};

type HttpResponse = { status: number; headers: Iterable<[string, string]>; body: string };

export type HandlerSettings = {
  execute: (request: HttpRequest) => Promise<HttpResponse>;
  isReady: () => boolean;
  corsOrigins: readonly string[];
  maxBodyBytes: number;
  emit: Emit;
};

type Route = (request: IncomingMessage, exchange: Exchange) => Promise<HttpResponse> | HttpResponse;
type Exchange = { requestId: string; search: string; signal: AbortSignal };

/** Answers every request: GraphQL, the probes, and JSON for all that is refused. */
export function createHandler(settings: HandlerSettings): RequestListener {
  const routes = new Map<string, Route>([
    ['/graphql', createGraphQLRoute(settings)],
    ['/livez', () => toText(200, 'ok')],
    ['/readyz', () => (settings.isReady() ? toText(200, 'ok') : toText(503, 'not ready'))],
  ]);
  const applyCors = cors({
    origin: [...settings.corsOrigins],
    methods: ['GET', 'POST'],
    exposedHeaders: ['x-request-id', 'retry-after'],
    maxAge: 600,
  });

  function reply(response: ServerResponse, answer: HttpResponse): void {
    // Whoever is told that this connection ends asks another replica next.
    if (!settings.isReady()) response.setHeader('connection', 'close');
    send(response, answer);
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const [path = '', query] = (request.url ?? '').split('?', 2);
    const search = query === undefined ? '' : `?${query}`;
    try {
      const route = routes.get(path);
      if (route === undefined) throw new HttpError(404, 'Nothing is here; GraphQL is at /graphql.');
      reply(response, await route(request, { requestId, search, signal: signalOf(response) }));
    } catch (error) {
      // The client left in the middle of its own request: nothing went wrong here, and nobody is listening.
      if (response.destroyed) return;
      reply(response, toRefusal(error, requestId, settings.emit));
    }
  }

  return (request, response) => {
    const requestId = toRequestId(request.headers['x-request-id']);
    response.setHeader('x-request-id', requestId);
    response.setHeader('cache-control', 'no-store');
    applyCors(request, response, () => {
      answer(request, response, requestId).catch(() => response.destroy());
    });
  };
}

function createGraphQLRoute({ execute, maxBodyBytes }: HandlerSettings): Route {
  return async (request, exchange) => {
    const method = request.method ?? '';
    if (method !== 'GET' && method !== 'POST') {
      throw new HttpError(405, 'GraphQL is spoken here with GET or POST.', { allow: 'GET, POST' });
    }
    const body = method === 'POST' ? await readJsonBody(request, maxBodyBytes) : undefined;
    return execute({ method, headers: headersOf(request), body, ...exchange });
  };
}

function* headersOf({ headers }: IncomingMessage): Generator<[string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value];
  }
}

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function send(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed) return;
  for (const [name, value] of headers) response.setHeader(name, value);
  if (response.getHeader('content-type') === 'text/html') forbidFraming(response);
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
}

/** What the explorer's own policy cannot say for itself: a page's meta element may not forbid framing. */
function forbidFraming(response: ServerResponse): void {
  response.setHeader(
    'content-security-policy',
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'",
  );
}

function toText(status: number, body: string): HttpResponse {
  return { status, headers: [['content-type', 'text/plain; charset=utf-8']], body };
}

function toRefusal(error: unknown, requestId: string, emit: Emit): HttpResponse {
  const contentType: [string, string] = ['content-type', 'application/json; charset=utf-8'];
  if (error instanceof HttpError) {
    const { status, message, headers } = error;
    const body = toErrorBody(message, status === 404 ? 'NOT_FOUND' : 'BAD_REQUEST', requestId);
    return { status, headers: [contentType, ...Object.entries(headers)], body };
  }
  emit({ type: 'unexpectedError', requestId, cause: error });
  const body = toErrorBody('Internal server error', 'INTERNAL_SERVER_ERROR', requestId);
  return { status: 500, headers: [contentType], body };
}
