import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Redact } from './redact.ts';

/** How far a call came before it failed. */
type Stage = 'lookup' | 'connect' | 'tls' | 'answer' | 'body';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** False where the body was larger than wanted, and is cut off. */
  isWhole: boolean;
  /** When the connection was ready for the request, and when the answer's headers were there. */
  sentMs: number;
  receivedMs: number;
  /** For what is quoted of it. */
  redact: Redact;
};

/** `code` is Node's, or `TIMEOUT`. */
export type Failure = { stage: Stage; code: string };

type CallOutcome = { ok: true; answer: Answer } | { ok: false; failure: Failure };

type CallSettings = {
  url: string;
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  maxBytes: number;
  now: () => number;
  redact: Redact;
  /** Whether a proxy of the environment counts (`NODE_USE_ENV_PROXY`), as it does for `fetch` but not for got. */
  byProxy: boolean;
};

/** One GET, no redirect followed. Never rejects, and tells of a failure how far the call had come. */
export function call(settings: CallSettings): Promise<CallOutcome> {
  const { url, timeoutMs, maxBytes, now, redact } = settings;
  const { promise, resolve } = Promise.withResolvers<CallOutcome>();
  const send = isSecure(url) ? httpsRequest : httpRequest;
  const headers = { ...settings.headers, connection: 'close' };
  const request = send(url, { headers, ...(settings.byProxy ? {} : { agent: false }) });
  const progress = follow(request, url, now);

  function fail(error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
    resolve({ ok: false, failure: { stage: progress.stage, code } });
  }
  const timer = setTimeout(() => request.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })), timeoutMs);
  // Giving up makes an error as well, so this stays.
  request.on('error', fail);
  request.once('response', (response) => {
    const { statusCode: status = 0, headers } = response;
    const { sentMs } = progress;
    const receivedMs = now();
    progress.stage = 'body';
    collect(response, maxBytes).then(
      (body) => resolve({ ok: true, answer: { status, headers, ...body, sentMs, receivedMs, redact } }),
      fail,
    );
  });
  request.end();
  return promise.finally(() => clearTimeout(timer));
}

function follow(request: ClientRequest, url: string, now: () => number) {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const progress: { stage: Stage; sentMs: number } = {
    stage: isIP(host) === 0 ? 'lookup' : 'connect',
    sentMs: now(),
  };
  const reach = (stage: Stage) => () => {
    progress.stage = stage;
    progress.sentMs = now();
  };
  request.once('socket', (socket) => {
    socket.once('lookup', (error) => {
      if (!error) progress.stage = 'connect';
    });
    socket.once('connect', reach(isSecure(url) ? 'tls' : 'answer'));
    socket.once('secureConnect', reach('answer'));
  });
  return progress;
}

async function collect(response: IncomingMessage, maxBytes: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    chunks.push(chunk);
    if (size > maxBytes) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, maxBytes).toString(), isWhole: size <= maxBytes };
}

function isSecure(url: string): boolean {
  return new URL(url).protocol === 'https:';
}
