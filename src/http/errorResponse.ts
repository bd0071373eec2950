import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, type MediaType, toExtensions, toStatus } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { dropRest, type LingerLimits } from './linger.ts';

/** A request that is rejected before it reaches GraphQL. The message is shown to the client. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

/** `extensions.code` of the response to this error. */
export function toErrorCode(error: unknown): string {
  if (error instanceof HttpError) return 'BAD_REQUEST';
  return error instanceof AppError ? error.code : 'INTERNAL_SERVER_ERROR';
}

type RejectedRequest = {
  listener: 'main' | 'admin';
  requestId: string;
  /** Of the body. */
  mediaType: MediaType;
  emit: Emit;
};

type ErrorResponse = { status: number; headers: [string, string][]; body: string };

/** The one error exit of HTTP. The body has the form of a GraphQL error, so that clients read all errors in one way. */
export function toErrorResponse(error: unknown, rejected: RejectedRequest): ErrorResponse {
  const { listener, requestId, mediaType, emit } = rejected;
  const contentType: [string, string] = ['content-type', `${mediaType}; charset=utf-8`];
  const code = toErrorCode(error);
  if (error instanceof HttpError) {
    const { status, message, headers } = error;
    return {
      status,
      headers: [contentType, ...Object.entries(headers)],
      body: toBody(message, { code, retryable: false, requestId }),
    };
  }
  if (error instanceof AppError) {
    const { message, reason } = error;
    emit({ type: 'requestRejected', listener, requestId, code, reason });
    const headers = [contentType, ...toHeaders(error)];
    return {
      status: toStatus(code, mediaType),
      headers,
      body: toBody(message, toExtensions(error, requestId)),
    };
  }
  emit({ type: 'unexpectedError', requestId, cause: error });
  const body = toBody('Internal server error', { code, retryable: false, requestId });
  return { status: 500, headers: [contentType], body };
}

function toBody(message: string, extensions: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ errors: [{ message, extensions }] });
}

function* toHeaders({ challenge, retryAfterSeconds }: AppError): Generator<[string, string]> {
  if (challenge !== undefined) yield ['www-authenticate', challenge];
  if (retryAfterSeconds !== undefined) yield ['retry-after', String(retryAfterSeconds)];
}

const parserErrors: Readonly<Record<string, [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The URL and the headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};

const urlTooLong: (typeof parserErrors)[string] = [414, 'The URL is too long.'];

/** `rawPacket`: the bytes that the parser was reading. */
type UnreadableError = NodeJS.ErrnoException & { rawPacket?: Buffer };

/** Answers bytes that Node's HTTP parser rejects, then closes the connection. */
export function rejectUnreadable(
  error: UnreadableError,
  { socket, limits }: { socket: Duplex; limits: LingerLimits },
): void {
  if (error.code === 'ECONNRESET') return void socket.destroy();
  // The parser rejects each further piece of an unreadable request as well.
  if (!socket.writable) return;
  const [status, message] = toParserError(error);
  const requestId = randomUUID();
  const body = toBody(message, { code: 'BAD_REQUEST', retryable: false, requestId });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `x-request-id: ${requestId}`,
    'x-content-type-options: nosniff',
    'referrer-policy: no-referrer',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  dropRest(socket, limits);
}

/** The parser does not say which part is too large. A URL that arrives in several packets counts as headers. */
function toParserError({ code = '', rawPacket }: UnreadableError): (typeof parserErrors)[string] {
  const start = rawPacket?.toString('latin1', 0, maxHeaderSize) ?? '';
  if (code === 'HPE_HEADER_OVERFLOW' && /^[A-Z]+ \S*$/.test(start)) return urlTooLong;
  return parserErrors[code] ?? [400, 'The request is not valid HTTP.'];
}
