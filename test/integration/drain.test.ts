import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/config/config.ts';
import type { HttpResponse, Route } from '../../src/http/router.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

const stopping = {
  errors: [
    {
      message: 'The gateway is stopping. Try again.',
      extensions: { code: 'SERVICE_UNAVAILABLE', retryable: true, retryAfterSeconds: 1, requestId: 'r' },
    },
  ],
};

const stops: (() => Promise<void>)[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const stop of stops.splice(0)) await stop();
});

/** A server with one route, which never answers, and one that answers. */
async function serve(route: Partial<Route> = {}, onEvent: (event: GatewayEvent) => void = () => {}) {
  const parsed = parseConfig(
    { ZENSKAR_API_KEY: 'k', ZENSKAR_ORGANISATION: 'o', SHUTDOWN_TIMEOUT_MS: '1' },
    () => '',
  );
  if (!parsed.ok) throw new Error('The configuration is wrong.');
  const events: GatewayEvent[] = [];
  const requests: string[] = [];
  const signals: AbortSignal[] = [];
  const hanging: Route = {
    methods: ['GET', 'POST'],
    handle: (request, { createSignal }) => {
      requests.push(request.url ?? '');
      signals.push(createSignal());
      return new Promise(() => {});
    },
    ...route,
  };
  const server = createHttpServer('127.0.0.1', 0, {
    listener: 'main',
    routes: new Map([['/hanging', hanging]]),
    corsOrigins: ['https://app.example'],
    config: parsed.config,
    emit: (event) => {
      events.push(event);
      onEvent(event);
    },
    monotonic: () => performance.now(),
  });
  stops.push(server.stop);
  const url = await server.start();
  return { url, events, requests, signals, stop: server.stop };
}

/** Sends these bytes on a new connection; resolves to all bytes of the answer once it is closed. */
async function send(url: string, bytes: string): Promise<() => Promise<string>> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(bytes);
  return async () => {
    await closed;
    return text;
  };
}

/** Without durations and connections. */
const eventsOf = (events: readonly GatewayEvent[]) =>
  events
    .filter(({ type }) => type !== 'connectionsChanged')
    .map((event) => Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'durationMs')));

describe('a request in flight when the shutdown timeout ends', () => {
  it('gets 503 with Retry-After and the headers of every response, and is logged and counted', async () => {
    const { url, events, requests, signals, stop } = await serve();
    const headers = { 'x-request-id': 'r', origin: 'https://app.example' };
    const pending = fetch(`${url}/hanging`, { headers });
    await until(() => requests.length === 1);
    await stop();
    const response = await pending;
    expect([response.status, await response.json()]).toEqual([503, stopping]);
    const { date, 'content-length': length, ...rest } = Object.fromEntries(response.headers);
    expect(rest).toEqual({
      'access-control-allow-origin': 'https://app.example',
      'access-control-expose-headers': 'x-request-id,retry-after,www-authenticate',
      'cache-control': 'no-store',
      connection: 'close',
      'content-type': 'application/json; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'retry-after': '1',
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
      'x-request-id': 'r',
    });
    expect(eventsOf(events)).toEqual([
      { type: 'draining', listener: 'main' },
      {
        type: 'requestRejected',
        listener: 'main',
        requestId: 'r',
        code: 'SERVICE_UNAVAILABLE',
        reason: 'shutdown timeout',
      },
      { type: 'requestEnded', listener: 'main', status: 503 },
      { type: 'drained', listener: 'main', cut: 1 },
    ]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('gets 503 like all others on many connections', async () => {
    const { url, events, requests, stop } = await serve();
    const pending = Array.from({ length: 50 }, () => fetch(`${url}/hanging`));
    await until(() => requests.length === 50);
    await stop();
    const answers = await Promise.all(pending);
    expect(answers.map(({ status }) => status)).toEqual(pending.map(() => 503));
    expect(eventsOf(events).at(-1)).toEqual({ type: 'drained', listener: 'main', cut: 50 });
  });

  it('gets 503 before its body has arrived', async () => {
    const { url, requests, stop } = await serve();
    const head = 'POST /hanging HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"query":';
    const readAnswer = await send(url, head);
    await until(() => requests.length === 1);
    await stop();
    expect(await readAnswer()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
  });

  it.each(['answers', 'fails'])(
    'gets one response, also if its handler %s just after that',
    async (settle) => {
      const handler = Promise.withResolvers<HttpResponse>();
      let isCalled = false;
      const handle = () => {
        isCalled = true;
        return handler.promise;
      };
      const { url, events, stop } = await serve({ handle }, ({ type }) => {
        if (type !== 'requestEnded') return;
        if (settle === 'answers') handler.resolve({ status: 200, headers: [], body: 'late' });
        else handler.reject(new Error('late'));
      });
      const readAnswer = await send(url, 'GET /hanging HTTP/1.1\r\nhost: x\r\n\r\n');
      await until(() => isCalled);
      await stop();
      expect((await readAnswer()).match(/HTTP\/1\.1 \d+|SERVICE_UNAVAILABLE|late/g)).toEqual([
        'HTTP/1.1 503',
        'SERVICE_UNAVAILABLE',
      ]);
      const types = eventsOf(events).map(({ type }) => type);
      expect(types).toEqual(['draining', 'requestRejected', 'requestEnded', 'drained']);
    },
  );

  it('gets one response, also if others are pipelined behind it and all handlers answer just after that', async () => {
    const handler = Promise.withResolvers<HttpResponse>();
    let calls = 0;
    const handle = () => {
      calls += 1;
      return handler.promise;
    };
    const { url, events, stop } = await serve({ handle }, ({ type }) => {
      if (type === 'requestEnded') handler.resolve({ status: 200, headers: [], body: 'late' });
    });
    const readAnswer = await send(url, 'GET /hanging HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3));
    await until(() => calls === 3);
    await stop();
    expect((await readAnswer()).match(/HTTP\/1\.1 \d+|late/g)?.[0]).toBe('HTTP/1.1 503');
    expect(eventsOf(events).filter(({ type }) => type === 'unexpectedError')).toEqual([]);
    expect(eventsOf(events).at(-1)).toEqual({ type: 'drained', listener: 'main', cut: 3 });
  });

  it('whose client does not read does not keep the gateway from stopping', async () => {
    const body = 'x'.repeat(50_000_000);
    const { url, events, stop } = await serve({ handle: () => ({ status: 200, headers: [], body }) });
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).pause();
    sockets.push(socket);
    socket.on('error', () => {}).write('GET /hanging HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => events.some(({ type }) => type === 'requestEnded'));
    await stop();
    expect(eventsOf(events).at(-1)).toEqual({ type: 'drained', listener: 'main', cut: 0 });
  });
});

describe('an operation in flight when the shutdown timeout ends', () => {
  const [gateway] = useReplicas(1, () => ({
    SHUTDOWN_TIMEOUT_MS: '1',
    UPSTREAM_ATTEMPT_TIMEOUT_MS: '60000',
    UPSTREAM_DEADLINE_MS: '60000',
    UPSTREAM_RETRIES: '0',
  })) as [Gateway];

  it('gets 503, is logged as cancelled, and its upstream call ends', async () => {
    const answered = await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: customer });
    expect(answered.body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
    const variables = { entitlementId: entitlement, customerId: customerOf('9999') };
    const pending = gateway.gql(totalQuery, variables, {
      headers: { accept: 'application/graphql-response+json', 'x-request-id': 'r' },
    });
    await until(() => gateway.simulator.requests === 2);
    await gateway.app.stop();
    const { status, body, headers } = await pending;
    expect([status, body, headers.get('retry-after')]).toEqual([503, stopping, '1']);
    expect(headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8');
    await until(() => gateway.log.some(({ outcome }) => outcome === 'cancelled'));
    expect(
      gateway.log
        .filter(({ requestId, cut }) => requestId === 'r' || cut === 1)
        .map(({ msg, level, code, outcome, result }) => [msg, level, code ?? outcome ?? result]),
    ).toEqual(
      expect.arrayContaining([
        ['requestRejected', 'info', 'SERVICE_UNAVAILABLE'],
        ['operationEnded', 'info', 'cancelled'],
        ['upstreamCallEnded', 'debug', 'aborted'],
        ['drained', 'warn', undefined],
      ]),
    );
  });
});
