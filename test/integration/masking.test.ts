import { afterEach, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/config/config.ts';
import { createPersistedQueries } from '../../src/graphql/persistedQueries.ts';
import { createGraphQLServer } from '../../src/graphql/server.ts';
import type { Routes } from '../../src/http/router.ts';
import { createHttpServer, toConnectionLimits } from '../../src/http/server.ts';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { customer, entitlement, totalQuery } from '../support/ids.ts';
import { answerStatus, createTotals, tenantOf } from '../support/totals.ts';

const parsed = parseConfig({ ZENSKAR_API_KEY: 'k', ZENSKAR_ORGANISATION: 'o' }, () => '');
if (!parsed.ok) throw new Error('The configuration is wrong.');
const { config } = parsed;
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function serve(routes: Routes, keepAliveTimeoutMs = config.HTTP_KEEP_ALIVE_TIMEOUT_MS) {
  const events: GatewayEvent[] = [];
  const emit = (event: GatewayEvent) => void events.push(event);
  const server = createHttpServer('127.0.0.1', 0, {
    listener: 'main',
    routes,
    corsOrigins: [],
    config: { ...config, HTTP_KEEP_ALIVE_TIMEOUT_MS: keepAliveTimeoutMs },
    emit,
    monotonic: () => performance.now(),
  });
  stops.push(server.stop);
  return { url: await server.start(), events };
}

describe('an unexpected error', () => {
  it('in a route is logged once and masked in the response', async () => {
    const fault = new Error('secret');
    const failing = {
      methods: ['GET'],
      handle: () => {
        throw fault;
      },
    };
    const asynchronous = { methods: ['GET'], handle: () => Promise.reject(fault) };
    const { url, events } = await serve(
      new Map([
        ['/a', failing],
        ['/b', asynchronous],
      ]),
    );
    for (const path of ['/a', '/b']) {
      events.length = 0;
      const response = await fetch(`${url}${path}`, { headers: { 'x-request-id': 'r' } });
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({
        errors: [
          {
            message: 'Internal server error',
            extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId: 'r' },
          },
        ],
      });
      const logged = events.filter(({ type }) => type === 'unexpectedError');
      expect(logged).toEqual([{ type: 'unexpectedError', requestId: 'r', cause: fault }]);
    }
  });

  it('while a response is written is logged and closes the connection', async () => {
    const response = { status: 200, headers: [['x-invalid', 'a\nb']] as [string, string][], body: '' };
    const { url, events } = await serve(new Map([['/a', { methods: ['GET'], handle: () => response }]]));
    await expect(fetch(`${url}/a`, { headers: { 'x-request-id': 'r' } })).rejects.toThrow();
    const logged = events.filter(({ type }) => type === 'unexpectedError');
    expect(logged).toEqual([
      {
        type: 'unexpectedError',
        requestId: 'r',
        cause: expect.objectContaining({ code: 'ERR_INVALID_CHAR' }),
      },
    ]);
  });

  it.each([new TypeError('secret'), 'secret'])(
    'in a resolver is logged once and masked in the response: %p',
    async (fault) => {
      const events: GatewayEvent[] = [];
      const loadMany = async () => {
        throw fault;
      };
      const noCache = { maxAgeMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
      const { source } = await createTotals(async () => answerStatus(500), noCache);
      const graphql = createGraphQLServer({
        config,
        source: { ...source, loadMany },
        persistedQueries: createPersistedQueries(undefined),
        emit: (event) => void events.push(event),
      });
      await graphql.start();
      stops.push(graphql.stop);
      const answer = await graphql.execute({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        search: '',
        mediaType: 'application/json' as const,
        body: { query: totalQuery, variables: { entitlementId: entitlement, customerId: customer } },
        identity: { tenant: tenantOf('one'), maySee: () => true },
        consume: undefined,
        requestId: 'r',
        span: noSpan,
        signal: new AbortController().signal,
      });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toEqual({
        errors: [
          {
            message: 'Internal server error',
            locations: [{ line: 2, column: 3 }],
            path: ['customerEntitlementTotal'],
            extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId: 'r' },
          },
        ],
        data: { customerEntitlementTotal: null },
      });
      const faults = events.filter(({ type }) => type === 'unexpectedError');
      expect(faults).toEqual([{ type: 'unexpectedError', requestId: 'r', cause: expect.anything() }]);
    },
  );
});

describe('the HTTP server', () => {
  it('keeps idle connections longer than load balancers do, and waits longer for headers than that', async () => {
    const { url } = await serve(new Map());
    expect((await fetch(`${url}/livez`)).headers.get('keep-alive')).toBe('timeout=65');
    expect(toConnectionLimits(config.HTTP_KEEP_ALIVE_TIMEOUT_MS)).toEqual({
      keepAliveTimeout: 65_000,
      headersTimeout: 66_000,
      requestTimeout: 75_000,
      connectionsCheckingInterval: 5000,
      silenceTimeout: 10_000,
      maxConnections: 10_000,
      lingerTimeout: 30_000,
      lingerBytes: 67_108_864,
    });
  });

  it.each([1000, 620_000, 3_660_000, 7_200_000])(
    'announces the keep-alive time of %d ms, and waits longer for headers and requests than that',
    async (keepAliveTimeoutMs) => {
      const { url } = await serve(new Map(), keepAliveTimeoutMs);
      const { headers } = await fetch(`${url}/livez`);
      expect(headers.get('keep-alive')).toBe(`timeout=${keepAliveTimeoutMs / 1000}`);
      const { keepAliveTimeout, headersTimeout, requestTimeout } = toConnectionLimits(keepAliveTimeoutMs);
      expect(headersTimeout).toBeGreaterThan(keepAliveTimeout);
      expect(requestTimeout).toBeGreaterThan(headersTimeout);
    },
  );
});
