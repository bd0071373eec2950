import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHandler, type HandlerSettings } from './handler.ts';

// A load balancer reuses idle connections for up to 60 s: the side that closes first must be the balancer.
const keepAliveTimeoutMs = 65_000;
const headersTimeoutMs = 66_000;
const requestTimeoutMs = 75_000;

export type HttpServerSettings = Omit<HandlerSettings, 'isReady'> & {
  host: string;
  port: number;
  /** How long it stays open, but unready, before draining. */
  shutdownDelayMs: number;
  /** How long requests under way may take to end once draining. */
  shutdownTimeoutMs: number;
  now: () => number;
};

export type HttpServer = {
  /** Listens; resolves to the base URL. */
  start: () => Promise<string>;
  /** Becomes unready, refuses new connections, lets requests under way end, cuts those that outlast the limit. */
  stop: () => Promise<void>;
};

export function createHttpServer(settings: HttpServerSettings): HttpServer {
  const { host, port, shutdownDelayMs, shutdownTimeoutMs, emit, now } = settings;
  let phase: 'starting' | 'ready' | 'draining' = 'starting';
  let underWay = 0;
  const handler = createHandler({ ...settings, isReady: () => phase === 'ready' });
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
    },
    (request, response) => {
      underWay += 1;
      response.once('close', () => {
        underWay -= 1;
      });
      handler(request, response);
    },
  );

  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  async function start(): Promise<string> {
    server.listen(port, host);
    await once(server, 'listening');
    phase = 'ready';
    const { address, family, port: actualPort } = server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`;
  }

  async function stop(): Promise<void> {
    phase = 'draining';
    emit({ type: 'draining' });
    const startedMs = now();
    await sleep(shutdownDelayMs);
    const closed = once(server, 'close');
    // Closes idle connections too, and each busy one after its answer; but not those that a browser or load
    // balancer opened in advance and never used.
    server.close();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    let cut = 0;
    const timer = setTimeout(() => {
      cut = underWay;
      server.closeAllConnections();
    }, shutdownTimeoutMs);
    await closed;
    clearTimeout(timer);
    emit({ type: 'drained', cut, durationMs: now() - startedMs });
  }
  return { start, stop };
}
