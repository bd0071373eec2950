import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import cors from 'cors';
import type { Emit } from '../telemetry/events.ts';
import { HttpError } from './httpError.ts';
import { toRefusal } from './refusal.ts';
import { toRequestId } from './requestId.ts';
import type { Exchange, HttpAnswer, Route, Routes } from './route.ts';

/** More than this of a body that nobody reads is not taken in. */
const maxDiscardedBytes = 1_048_576;

export type HandlerSettings = {
  routes: Routes;
  corsOrigins: readonly string[];
  emit: Emit;
};

type Asked = { exchange: Exchange; route: Route | undefined };
type HandlerDependencies = HandlerSettings & { isReady: () => boolean };

/** Answers every request by its route, and with JSON where it is refused. */
export function createHandler({ routes, corsOrigins, emit, isReady }: HandlerDependencies): RequestListener {
  const applyCors = cors({
    origin: [...corsOrigins],
    methods: ['GET', 'POST'],
    exposedHeaders: ['x-request-id', 'retry-after'],
    maxAge: 600,
  });

  async function respond(
    request: IncomingMessage,
    response: ServerResponse,
    { exchange, route }: Asked,
  ): Promise<void> {
    const answer = await ask(request, exchange, route).catch((error: unknown) => {
      discardBody(request);
      // The client may have left in the middle of its own request: nothing went wrong here.
      return toRefusal(error, { exchange, route, emit: response.destroyed ? () => {} : emit });
    });
    // Whoever is told that this connection ends asks another replica next.
    if (!isReady()) response.setHeader('connection', 'close');
    send(response, answer);
  }

  return (request, response) => {
    const { pathname, search } = splitUrl(request.url ?? '');
    const requestId = toRequestId(request.headers['x-request-id']);
    response.setHeader('x-request-id', requestId);
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    const route = routes.get(pathname);
    const next = () => {
      const exchange = { requestId, search, signal: signalOf(response) };
      respond(request, response, { exchange, route }).catch(() => response.destroy());
    };
    if (route === undefined) next();
    else applyCors(request, response, next);
  };
}

async function ask(
  request: IncomingMessage,
  exchange: Exchange,
  route: Route | undefined,
): Promise<HttpAnswer> {
  if (route === undefined) throw new HttpError(404, 'Nothing is here.');
  const { methods } = route;
  if (methods.includes(request.method ?? '')) return route.answer(request, exchange);
  throw new HttpError(405, `Expected ${methods.join(' or ')}.`, { allow: methods.join(', ') });
}

/** Both forms of RFC 9112, section 3.2: a path, or a whole URL. */
function splitUrl(target: string): { pathname: string; search: string } {
  const url = target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?]*/i, '');
  const mark = url.indexOf('?');
  return mark < 0 ? { pathname: url, search: '' } : { pathname: url.slice(0, mark), search: url.slice(mark) };
}

/** Lets the rest of a refused request flow past, so that the refusal can be read; but not without end. */
function discardBody(request: IncomingMessage): void {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxDiscardedBytes) request.destroy();
  });
}

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  if (response.destroyed) return;
  for (const [name, value] of headers) response.setHeader(name, value);
  if (response.getHeader('content-type') === 'text/html') forbidFraming(response);
  if (status !== 204) response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status).end(body);
}

/** What the explorer's own policy cannot say for itself: a page's meta element may not forbid framing. */
function forbidFraming(response: ServerResponse): void {
  response.setHeader(
    'content-security-policy',
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'",
  );
}
