import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Failure, type Target } from './target.ts';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export type AuditRequest = {
  /** By default POST. */
  method?: string;
  /** Appended to the path of the URL. */
  subpath?: string;
  /** Parameters in the query of the URL. */
  search?: string;
  /** Replace the usual headers; undefined removes one, a list sends one line each. */
  headers?: Headers;
  body?: string | Uint8Array;
  /** The end of the body is never sent. */
  isEndless?: boolean;
  timeoutMs?: number;
};

export type AuditResponse = {
  /** The request in short. */
  label: string;
  status: number;
  statusText: string;
  headers: IncomingHttpHeaders;
  /** Without parameters, in lower case. */
  mediaType: string | undefined;
  bytes: Buffer;
};

const usualTimeoutMs = 10_000;
/** Of a body. The server may be any. */
const maxResponseBytes = 1_048_576;
const maxLabelLength = 120;

/**
 * Sends a request on a connection of its own. `fetch` would add headers, refuse methods, and hide responses that arrive before the
 * request is complete.
 */
export function send(target: Target, request: AuditRequest): Promise<AuditResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<AuditResponse>();
  const { method = 'POST', subpath = '', search, body, timeoutMs = usualTimeoutMs } = request;
  const url = new URL(target.url);
  url.pathname += subpath;
  if (search !== undefined) url.search = search;
  const label = toLabel(method, request);
  const connect = url.protocol === 'https:' ? requestHttps : requestHttp;
  const outgoing = connect(url, { method, headers: toHeaders(target, request), agent: false });
  const fail = (reason: string) => reject(new Failure(`${label}: ${reason}`));
  const timer = setTimeout(() => {
    fail(`no response within ${timeoutMs} ms`);
    outgoing.destroy();
  }, timeoutMs);
  outgoing.once('response', (incoming) => {
    // The server may answer, and close the connection, before it has read the whole request.
    readBytes(incoming)
      .then((bytes) => resolve({ label, ...toResponse(incoming, bytes) }), fail)
      .finally(() => {
        clearTimeout(timer);
        outgoing.destroy();
      });
  });
  outgoing.on('error', (error) => {
    if (outgoing.listenerCount('response') === 0) return;
    clearTimeout(timer);
    fail(error.message);
  });
  if (request.isEndless === true) outgoing.write(body);
  else outgoing.end(body);
  return promise;
}

function toHeaders(target: Target, { method = 'POST', headers, body }: AuditRequest) {
  const all: Headers = {
    accept: target.accept,
    // Servers that prevent cross-site requests by GET ask for a header that a form cannot send.
    ...(method === 'GET' || method === 'HEAD'
      ? { 'apollo-require-preflight': '1', 'graphql-require-preflight': '1' }
      : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...target.headers,
    ...headers,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : [...value]]],
    ),
  );
}

async function readBytes(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size > maxResponseBytes) throw new Error(`more than ${maxResponseBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toResponse(incoming: IncomingMessage, bytes: Buffer): Omit<AuditResponse, 'label'> {
  const { statusCode = 0, statusMessage = '', headers } = incoming;
  const mediaType = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  return { status: statusCode, statusText: statusMessage, headers, mediaType, bytes };
}

function toLabel(
  method: string,
  { subpath = '', search = '', headers = {}, body = '' }: AuditRequest,
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value ?? '(none)'}`);
  const text = [method, `${subpath}${search}`, ...lines, Buffer.from(body).toString()];
  const label = text.filter(Boolean).join(' ').replaceAll(/\s+/g, ' ');
  return label.length > maxLabelLength ? `${label.slice(0, maxLabelLength)}…` : label;
}

/** A POST with these members. */
export function post(members: unknown, headers: Headers = {}): AuditRequest {
  return { body: JSON.stringify(members), headers };
}

/** A GET with these parameters. */
export function get(parameters: Readonly<Record<string, string>>): AuditRequest {
  return { method: 'GET', search: `?${new URLSearchParams(parameters)}` };
}
