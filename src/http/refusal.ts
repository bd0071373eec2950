import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, toExtensions } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { HttpError, toErrorBody } from './httpError.ts';
import type { Exchange, HttpAnswer, Route } from './route.ts';

type Refused = {
  listener: 'main' | 'admin';
  exchange: Exchange;
  route: Route | undefined;
  emit: Emit;
};

const contentType: [string, string] = ['content-type', 'application/json; charset=utf-8'];

/** The answer to a request that did not come as far as an operation of its own. */
export function toRefusal(error: unknown, { listener, exchange, route, emit }: Refused): HttpAnswer {
  const { requestId } = exchange;
  if (error instanceof HttpError) {
    const { status, message, headers } = error;
    const body = toErrorBody(message, { code: 'BAD_REQUEST', requestId });
    return { status, headers: [contentType, ...Object.entries(headers)], body };
  }
  if (error instanceof AppError) {
    const { code, message, reason } = error;
    emit({ type: 'requestRejected', listener, requestId, code, reason });
    const body = toErrorBody(message, toExtensions(error, requestId));
    return { status: toStatus(error), headers: [contentType, ...toHeaders(error, route)], body };
  }
  emit({ type: 'unexpectedError', requestId, cause: error });
  const body = toErrorBody('Internal server error', {
    code: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    requestId,
  });
  return { status: 500, headers: [contentType], body };
}

/** Routers lose the reason of a 4xx; but who is not known must be told so by the status, for all that stands between. */
function toStatus({ code }: AppError): number {
  return code === 'UNAUTHENTICATED' ? 401 : 200;
}

function* toHeaders(
  { code, retryAfterSeconds }: AppError,
  route: Route | undefined,
): Generator<[string, string]> {
  if (code === 'UNAUTHENTICATED' && route?.challenge !== undefined)
    yield ['www-authenticate', route.challenge];
  if (retryAfterSeconds !== undefined) yield ['retry-after', String(retryAfterSeconds)];
}

const unreadable: Readonly<Record<string, [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};

/** The answer to what is not HTTP, too large, or too slow; after it the connection is of no use. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, message] = unreadable[error.code ?? ''] ?? [400, 'This is not a readable HTTP request.'];
  const body = toErrorBody(message, { code: 'BAD_REQUEST', requestId: randomUUID() });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    'x-content-type-options: nosniff',
    'referrer-policy: no-referrer',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
