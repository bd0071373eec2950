import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';

/** A call as the upstream saw it. `port`: of the connection that it came by. */
type Call = { apiKey: string; atMs: number; port: number | undefined };

export type LimitingUpstream = {
  url: () => string;
  /** All calls in the order in which they arrived. */
  calls: Call[];
  callsOf: (apiKey: string) => Call[];
  /** Answers the next call with this key with one 429; resolves to the time of that answer. */
  limitNext: (apiKey: string, retryAfterSeconds: number) => Promise<number>;
};

/** An upstream for the tests of one file that answers every call with a total, except those it is to limit, and records when calls arrive. */
export function useLimitingUpstream(): LimitingUpstream {
  const calls: Call[] = [];
  const limits = new Map<string, { retryAfterSeconds: number; answer: (atMs: number) => void }>();
  const server = createServer(respond);
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  function respond(request: IncomingMessage, response: ServerResponse): void {
    const apiKey = String(request.headers['x-api-key']);
    const atMs = performance.now();
    calls.push({ apiKey, atMs, port: request.socket.remotePort });
    const limit = limits.get(apiKey);
    limits.delete(apiKey);
    const [, entitlement, customer] =
      /^\/entitlements\/([^/]+)\/customer\/([^/]+)\/total/.exec(request.url ?? '') ?? [];
    response.setHeader('content-type', 'application/json');
    if (limit === undefined) response.end(JSON.stringify({ entitlement, customer, quantity: 1 }));
    else {
      response
        .writeHead(429, { 'retry-after': String(limit.retryAfterSeconds) })
        .end('{"message":"Too Many Requests"}');
      limit.answer(atMs);
    }
  }
  return {
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    callsOf: (apiKey) => calls.filter((call) => call.apiKey === apiKey),
    limitNext: (apiKey, retryAfterSeconds) =>
      new Promise((answer) => limits.set(apiKey, { retryAfterSeconds, answer })),
  };
}
