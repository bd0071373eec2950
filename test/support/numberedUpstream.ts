import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers each request with the next number, so that an answer shows when it was given. */
export type NumberedUpstream = {
  url: string;
  /** The last number that was given. */
  last: number;
  /** The status of an answer; 200 by default. */
  statusOf: (request: IncomingMessage) => number;
  delayMs: () => number;
  stop: () => void;
};

export async function startNumberedUpstream(): Promise<NumberedUpstream> {
  const server = createServer(async (request, response) => {
    const status = upstream.statusOf(request);
    const [, entitlement, customer] =
      /^\/entitlements\/([^/]+)\/customer\/([^/]+)\/total/.exec(request.url ?? '') ?? [];
    // The number is given at once, however long its way is.
    upstream.last += 1;
    const total = { entitlement, customer, quantity: upstream.last };
    const delayMs = upstream.delayMs();
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? total : { detail: 'no' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstream: NumberedUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    last: 0,
    statusOf: () => 200,
    delayMs: () => 0,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return upstream;
}
