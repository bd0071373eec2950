import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import cors from 'cors';
import type { Emit } from '../telemetry/events.ts';
import { HttpError } from './httpError.ts';
import { toRefusal } from './refusal.ts';
import { toRequestId } from './requestId.ts';
import type { Exchange, HttpAnswer, Route, Routes } from './route.ts';
import { send } from './send.ts';

/** More than this of a body that nobody reads is not taken in. */
const maxDiscardedBytes = 1_048_576;

export type HandlerSettings = {
  routes: Routes;
  corsOrigins: readonly string[];
  /** Tells it apart in log and metrics. */
  listener: 'main' | 'admin';
  emit: Emit;
  now: () => number;
};

type Asked = {
  request: IncomingMessage;
  response: ServerResponse;
  exchange: Exchange;
  route: Route | undefined;
};
type HandlerDependencies = HandlerSettings & { isReady: () => boolean };

export type Handler = {
  listener: RequestListener;
  /** How many requests have no answer yet. */
  underWay: () => number;
};

/** Answers every request by its route, and with JSON where it is refused. */
export function createHandler(dependencies: HandlerDependencies): Handler {
  const { routes, corsOrigins, listener: name, emit, now, isReady } = dependencies;
  const applyCors = createCors(corsOrigins);
  let underWay = 0;

  async function respond({ request, response, exchange, route }: Asked): Promise<void> {
    const startedMs = now();
    underWay += 1;
    try {
      const answer = await ask(request, exchange, route).catch((error: unknown) => {
        discardBody(request);
        // The client may have left in the middle of its own request: nothing went wrong here.
        return toRefusal(error, {
          listener: name,
          exchange,
          route,
          emit: response.destroyed ? () => {} : emit,
        });
      });
      // Whoever is told that this connection ends asks another replica next.
      // Nobody was answered who has gone.
      if (response.destroyed) return;
      send(response, answer, { requestId: exchange.requestId, isLast: !isReady() });
      emit({ type: 'requestEnded', listener: name, status: answer.status, durationMs: now() - startedMs });
    } catch {
      response.destroy();
    } finally {
      underWay -= 1;
    }
  }

  function listener(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, search } = splitUrl(request.url ?? '');
    const requestId = toRequestId(request.headers['x-request-id']);
    const route = routes.get(pathname);
    const exchange = { requestId, search, createSignal: () => createSignal(response) };
    const next = () => void respond({ request, response, exchange, route });
    if (route === undefined || applyCors === undefined) next();
    else applyCors(request, response, next);
  }

  return { listener, underWay: () => underWay };
}

/** Where no origin may call, there is nothing to say. */
function createCors(origins: readonly string[]): ReturnType<typeof cors> | undefined {
  if (origins.length === 0) return undefined;
  const exposedHeaders = ['x-request-id', 'retry-after'];
  return cors({ origin: [...origins], methods: ['GET', 'POST'], exposedHeaders, maxAge: 600 });
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

function createSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) leave();
  else response.once('close', leave);
  return controller.signal;
}
