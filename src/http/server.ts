import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { rejectUnreadable } from './errorResponse.ts';
import type { LingerLimits } from './linger.ts';
import { createRouter, type RouterSettings, type Routes } from './router.ts';

/** Milliseconds, and connections open at once. */
export type ConnectionLimits = LingerLimits & {
  keepAliveTimeout: number;
  headersTimeout: number;
  requestTimeout: number;
  connectionsCheckingInterval: number;
  /** How much longer than an upstream call a connection may be silent. */
  silenceTimeout: number;
  maxConnections: number;
};

/** Time for the headers beyond the keep-alive timeout, and for the whole request. */
const headersMarginMs = 1000;
const requestMarginMs = 10_000;
/** Time after the shutdown timeout in which clients can read that their request was cut off. */
const lastResponseMs = 500;

/**
 * A load balancer must be the side that closes an idle connection, or it sends a request while the gateway closes. Node counts the
 * headers of the first request from the opening of the connection, which a balancer may open long before it sends, so their timeout
 * follows the keep-alive timeout. A request that has not arrived completely by its timeout is cut off.
 */
export function toConnectionLimits(keepAliveTimeoutMs: number): ConnectionLimits {
  return {
    keepAliveTimeout: keepAliveTimeoutMs,
    headersTimeout: keepAliveTimeoutMs + headersMarginMs,
    requestTimeout: keepAliveTimeoutMs + requestMarginMs,
    connectionsCheckingInterval: 5000,
    silenceTimeout: 10_000,
    maxConnections: 10_000,
    // As long as nginx reads on (lingering_time), and twice the largest body that clients send by mistake.
    lingerTimeout: 30_000,
    lingerBytes: 67_108_864,
  };
}

type HttpServerSettings = RouterSettings & {
  config: Pick<
    Config,
    'SHUTDOWN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS' | 'UPSTREAM_DEADLINE_MS' | 'HTTP_KEEP_ALIVE_TIMEOUT_MS'
  >;
  connectionLimits?: Partial<ConnectionLimits> | undefined;
};

export type HttpServer = {
  /** Listens; resolves to the base URL. */
  start: () => Promise<string>;
  /** Becomes unready, refuses new connections, waits for requests in flight, cuts off those that outlast the limit. */
  stop: () => Promise<void>;
};

export function createHttpServer(host: string, port: number, settings: HttpServerSettings): HttpServer {
  const { listener, config, emit, monotonic } = settings;
  let isDraining = false;
  const routes = new Map([...settings.routes, ...createProbes(() => isDraining)]);
  const limits = { ...toConnectionLimits(config.HTTP_KEEP_ALIVE_TIMEOUT_MS), ...settings.connectionLimits };
  const router = createRouter({ ...settings, routes, isDraining: () => isDraining, lingerLimits: limits });
  const server = createServer(limits, router.listener);
  server.maxConnections = limits.maxConnections;
  // Also cuts off a client that does not read its response.
  server.setTimeout(limits.silenceTimeout + Math.max(limits.requestTimeout, config.UPSTREAM_DEADLINE_MS));
  server.on('clientError', (error, socket) => rejectUnreadable(error, { socket, limits }));

  const sockets = trackSockets(server, (open) => emit({ type: 'connectionsChanged', listener, open }));

  async function start(): Promise<string> {
    server.listen(port, host);
    await once(server, 'listening');
    const { address, family, port: actualPort } = server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`;
  }

  async function stop(): Promise<void> {
    if (!server.listening) return;
    isDraining = true;
    emit({ type: 'draining', listener });
    const startedMs = monotonic();
    await sleep(config.SHUTDOWN_DELAY_MS);
    const closed = once(server, 'close');
    // Closes idle connections at once and busy ones after their response, but not those that a browser or load
    // balancer opened in advance and never used.
    server.close();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    let cut = 0;
    const timers = [
      setTimeout(() => {
        cut = router.cutOff();
      }, config.SHUTDOWN_TIMEOUT_MS),
      setTimeout(() => server.closeAllConnections(), config.SHUTDOWN_TIMEOUT_MS + lastResponseMs),
    ];
    await closed;
    timers.forEach(clearTimeout);
    emit({ type: 'drained', listener, cut, durationMs: monotonic() - startedMs });
  }
  return { start, stop };
}

/** Liveness and readiness. Neither depends on the upstream. */
function createProbes(isDraining: () => boolean): Routes {
  const toText = (status: number, body: string) => {
    const headers: [string, string][] = [['content-type', 'text/plain; charset=utf-8']];
    return { status, headers, body };
  };
  const methods = ['GET', 'HEAD'];
  return new Map([
    ['/livez', { methods, handle: () => toText(200, 'ok') }],
    ['/readyz', { methods, handle: () => (isDraining() ? toText(503, 'not ready') : toText(200, 'ok')) }],
  ]);
}

function trackSockets(server: Server, onChange: (open: number) => void): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    onChange(sockets.add(socket).size);
    socket.once('close', () => {
      sockets.delete(socket);
      onChange(sockets.size);
    });
  });
  return sockets;
}
