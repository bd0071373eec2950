import { describe, expect, it } from '@jest/globals';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { type Collector, type ReceivedSpan, useCollector } from '../support/collector.ts';
import { type Gateway, until, useGateway, useReplicas } from '../support/gateway.ts';
import { apiKey, customer, customerOf, entitlement, idOf, organisation, totalQuery } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';

const attemptName = 'GET /entitlements/{entitlement_id}/customer/{customer_id}/total';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

const variablesOf = (customerId: string) => ({ entitlementId: entitlement, customerId });
const ask = (gateway: Gateway, customerId = customer, headers = {}) =>
  gateway.gql(totalQuery, variablesOf(customerId), { headers });
const lastCall = ({ simulator }: Gateway) => simulator.requestHeaders.at(-1) ?? {};
const operationLines = ({ log }: Gateway) => log.filter(({ msg }) => msg === 'operationEnded');

function useTracedGateway(collector: Collector, environment: Record<string, string> = {}): Gateway {
  const [gateway] = useReplicas(1, () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '5',
    ...environment,
  }));
  return gateway as Gateway;
}

/** Resolves once this many spans were exported; operations come first. */
async function received({ spans }: Collector, count: number): Promise<ReceivedSpan[]> {
  await until(() => spans.length >= count);
  expect(spans).toHaveLength(count);
  const depth = ['query', 'GraphQL Operation', 'totals batch', 'totals refresh', 'cache get', attemptName];
  return spans.toSorted(
    (a, b) => depth.indexOf(a.name) - depth.indexOf(b.name) || Number(a.startNs - b.startNs),
  );
}

describe('a gateway with a collector of traces', () => {
  const collector = useCollector();
  const gateway = useTracedGateway(collector);

  it('exports spans of an operation, its batch and its upstream call', async () => {
    await ask(gateway);
    const [operation, batch, attempt] = await received(collector, 3);
    const common = {
      traceId: expect.stringMatching(/^[\da-f]{32}$/),
      spanId: expect.stringMatching(/^[\da-f]{16}$/),
      tracestate: '',
      startNs: expect.any(BigInt),
      endNs: expect.any(BigInt),
      links: [],
      failed: false,
      resource: {
        'service.name': 'zenskar-graphql-gateway',
        'service.version': expect.any(String),
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.name': 'opentelemetry',
        'telemetry.sdk.version': expect.any(String),
      },
    };
    expect(operation).toEqual({
      ...common,
      name: 'query',
      kind: 'server',
      parentSpanId: '',
      attributes: {
        'graphql.operation.type': 'query',
        'graphql.operation.name': 'Total',
        'gateway.outcome': 'ok',
        'gateway.response_cache': 'miss',
      },
    });
    expect(batch).toEqual({
      ...common,
      name: 'totals batch',
      kind: 'internal',
      traceId: operation?.traceId,
      parentSpanId: operation?.spanId,
      attributes: { 'gateway.keys': 1 },
    });
    expect(attempt).toEqual({
      ...common,
      name: attemptName,
      kind: 'client',
      traceId: operation?.traceId,
      parentSpanId: batch?.spanId,
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': expect.any(Number),
        'url.template': '/entitlements/{entitlement_id}/customer/{customer_id}/total',
      },
    });
    expect(lastCall(gateway).traceparent).toBe(`00-${attempt?.traceId}-${attempt?.spanId}-01`);
    expect(operationLines(gateway)).toMatchObject([{ traceId: operation?.traceId }]);
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ msg: 'upstreamCallEnded', traceId: operation?.traceId }),
    );
  });

  it('continues the trace of the caller', async () => {
    const traceparent = `00-${traceId}-${spanId}-01`;
    await ask(gateway, customer, { traceparent, tracestate: 'vendor=1,other@one=2' });
    const [operation, , attempt] = await received(collector, 3);
    expect(operation).toMatchObject({ traceId, parentSpanId: spanId, tracestate: 'vendor=1,other@one=2' });
    expect(lastCall(gateway)).toMatchObject({
      traceparent: `00-${traceId}-${attempt?.spanId}-01`,
      tracestate: 'vendor=1,other@one=2',
    });
    expect(operationLines(gateway)).toMatchObject([{ traceId }]);
  });

  it('records no spans of a trace that the caller did not sample, and continues it upstream', async () => {
    await ask(gateway, customerOf('0503'), { traceparent: `00-${traceId}-${spanId}-00` });
    expect(lastCall(gateway).traceparent).toMatch(new RegExp(`^00-${traceId}-[\\da-f]{16}-00$`));
    expect(operationLines(gateway)).toMatchObject([{ traceId }]);
    await ask(gateway, idOf(1));
    for (const span of await received(collector, 3)) expect(span.traceId).not.toBe(traceId);
  });

  it('starts a new trace if the traceparent is invalid', async () => {
    const traceparent = `00-${traceId}-${spanId}-01`;
    await ask(gateway, customer, { traceparent: traceparent.toUpperCase() });
    const [operation] = await received(collector, 3);
    expect(operation?.parentSpanId).toBe('');
    expect(lastCall(gateway).traceparent).not.toContain(spanId);
  });

  it('exports one span for a response cache hit', async () => {
    await ask(gateway);
    await received(collector, 3);
    collector.spans.length = 0;
    await ask(gateway);
    const [operation] = await received(collector, 1);
    expect(operation).toMatchObject({
      name: 'query',
      attributes: {
        'graphql.operation.type': 'query',
        'graphql.operation.name': 'Total',
        'gateway.outcome': 'ok',
        'gateway.response_cache': 'hit',
      },
    });
    expect(operationLines(gateway).at(-1)).toMatchObject({
      responseCache: 'hit',
      traceId: operation?.traceId,
    });
  });

  it('exports one span for each attempt of an upstream call', async () => {
    await ask(gateway, customerOf('f503'));
    const [operation, , ...attempts] = await received(collector, 5);
    expect(operation?.failed).toBe(false);
    expect(attempts.map(({ failed, attributes }) => ({ failed, attributes }))).toMatchObject([
      { failed: true, attributes: { 'http.response.status_code': 503, 'error.type': '503' } },
      { failed: true, attributes: { 'http.request.resend_count': 1, 'error.type': '503' } },
      { failed: false, attributes: { 'http.request.resend_count': 2, 'http.response.status_code': 200 } },
    ]);
  });

  it('marks a span as failed for errors of the upstream and not for errors of the caller', async () => {
    await ask(gateway, customerOf('0403'));
    const [ours] = await received(collector, 3);
    expect(ours).toMatchObject({
      failed: true,
      attributes: {
        'gateway.outcome': 'failed',
        'gateway.error_codes': ['UPSTREAM_REJECTED_CREDENTIALS'],
        'error.type': 'UPSTREAM_REJECTED_CREDENTIALS',
      },
    });
    collector.spans.length = 0;
    await ask(gateway, customerOf('0404'));
    const [theirs] = await received(collector, 3);
    expect(theirs).toMatchObject({ failed: false, attributes: { 'gateway.error_codes': ['NOT_FOUND'] } });
  });

  it('exports spans of rejected requests without text that the caller sent', async () => {
    const post = (body: string) =>
      gateway.fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await post('{');
    await post(JSON.stringify({ query: '{ __typename }', operationName: customer }));
    const spans = await received(collector, 2);
    expect(spans.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: 'GraphQL Operation',
        attributes: { 'gateway.outcome': 'failed', 'gateway.error_codes': ['BAD_REQUEST'] },
      },
      {
        name: 'GraphQL Operation',
        attributes: {
          'gateway.outcome': 'failed',
          'gateway.error_codes': ['OPERATION_RESOLUTION_FAILURE'],
          'gateway.response_cache': 'miss',
        },
      },
    ]);
  });

  it('links a batch that waits for a call to the batch that started the call', async () => {
    const slow = customerOf('d0c8');
    const first = ask(gateway, slow);
    await until(() => gateway.simulator.requests === 1);
    await Promise.all([first, ask(gateway, slow)]);
    const [, , beginning, waiting, attempt] = await received(collector, 5);
    expect(gateway.simulator.requests).toBe(1);
    expect(waiting?.traceId).not.toBe(beginning?.traceId);
    expect(attempt?.parentSpanId).toBe(beginning?.spanId);
    expect(beginning?.links).toEqual([]);
    expect(waiting?.links).toEqual([{ traceId: beginning?.traceId, spanId: beginning?.spanId }]);
  });

  it('links a batch that waits for a call to the batch that started it, also if that batch is not recorded', async () => {
    const slow = customerOf('d0c9');
    const first = ask(gateway, slow, { traceparent: `00-${traceId}-${spanId}-00` });
    await until(() => gateway.simulator.requests === 1);
    await Promise.all([first, ask(gateway, slow)]);
    const [, waiting] = await received(collector, 2);
    const [, , unrecorded] = String(lastCall(gateway).traceparent).split('-');
    expect(waiting).toMatchObject({ name: 'totals batch', links: [{ traceId, spanId: unrecorded }] });
  });

  it('links a batch that waits for a refresh to the refresh that started the call', async () => {
    await ask(gateway, idOf(4));
    gateway.advance(31_000);
    await received(collector, 3);
    collector.spans.length = 0;
    gateway.simulator.overall = { mode: 'slow', ms: 200 };
    await ask(gateway, idOf(4));
    await until(() => gateway.simulator.inFlight === 1);
    await ask(gateway, idOf(4));
    const [, , firstBatch, , beginning, waiting, attempt] = await received(collector, 7);
    expect(gateway.simulator.requests).toBe(2);
    expect(beginning).toMatchObject({
      name: 'totals refresh',
      parentSpanId: firstBatch?.spanId,
      attributes: { 'gateway.keys': 1 },
      links: [],
    });
    expect(attempt?.parentSpanId).toBe(beginning?.spanId);
    expect(waiting?.links).toEqual([{ traceId: beginning?.traceId, spanId: beginning?.spanId }]);
  });

  it('exports no customer ids, entitlement ids or credentials', () => {
    expect(collector.bodies.length).toBeGreaterThan(8);
    const exported = Buffer.concat(collector.bodies).toString('latin1');
    expect(exported).toContain(attemptName);
    const hidden = [apiKey, organisation, entitlement, customer, '00000000-0000-4000', idOf(1).slice(0, 20)];
    for (const secret of hidden) expect(exported).not.toContain(secret);
  });
});

describe('the exported traces', () => {
  const collector = useCollector();
  const gateway = useTracedGateway(collector, {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-vendor-key=a%20key, x-two=2',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-two=3',
  });

  it('are sent with the configured headers', async () => {
    await ask(gateway);
    await received(collector, 3);
    expect(collector.headers).toMatchObject({
      url: '/v1/traces',
      'content-type': 'application/x-protobuf',
      'x-vendor-key': 'a key',
      'x-two': '3',
    });
  });

  it('have attribute names that OpenTelemetry defines or that start with gateway', async () => {
    await ask(gateway, customerOf('f503'));
    await ask(gateway, customerOf('0503'));
    const spans = await received(collector, 10);
    const conventional = new Set(Object.values(conventions as Record<string, unknown>));
    const names = new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)));
    expect(names.size).toBeGreaterThan(10);
    expect([...names].filter((name) => !name.startsWith('gateway.') && !conventional.has(name))).toEqual([]);
  });
});

describe('a gateway that samples only the traces its callers sampled', () => {
  const collector = useCollector();
  const gateway = useTracedGateway(collector, {
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
  });

  it('records no other trace, and gives each one an id', async () => {
    await ask(gateway);
    expect(lastCall(gateway).traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    expect(operationLines(gateway)).toMatchObject([{ traceId: expect.stringMatching(/^[\da-f]{32}$/) }]);
    await ask(gateway, idOf(2), { traceparent: `00-${traceId}-${spanId}-01` });
    for (const span of await received(collector, 3)) expect(span.traceId).toBe(traceId);
  });
});

describeWithRedis('a gateway with Redis', { own: false }, (redis) => {
  const collector = useCollector();
  const [gateway] = useReplicas(1, () => ({
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '5',
  })) as [Gateway];

  it('exports a span of the round trip to Redis', async () => {
    await until(() => gateway.wholeLog.some(({ msg }) => msg === 'redisChanged'));
    await ask(gateway, idOf(3));
    const [, batch, roundTrip] = await received(collector, 4);
    expect(roundTrip).toMatchObject({
      name: 'cache get',
      kind: 'client',
      parentSpanId: batch?.spanId,
      failed: false,
      attributes: {
        'db.system.name': 'redis',
        'db.operation.name': 'MGET',
        'gateway.keys': 1,
        'gateway.found': 0,
      },
    });
  });
});

describe('a gateway whose collector fails', () => {
  const collector = useCollector();
  const gateway = useTracedGateway(collector);

  it('logs the loss once and answers all requests', async () => {
    collector.status = 400;
    for (let n = 10; n < 13; n += 1) {
      expect((await ask(gateway, idOf(n))).status).toBe(200);
      await received(collector, 3 * (n - 9));
    }
    await until(() => gateway.log.some(({ msg }) => msg === 'tracesLost'));
    const losses = gateway.log.filter(({ msg }) => msg === 'tracesLost');
    expect(losses).toMatchObject([{ level: 'warn', reason: '400' }]);
  });
});

describe('a gateway without a collector', () => {
  const gateway = useGateway();

  it('sends the trace context of the caller upstream unchanged', async () => {
    const trace = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'vendor=1' };
    await ask(gateway, customer, trace);
    expect(lastCall(gateway)).toMatchObject(trace);
    expect(operationLines(gateway)).toMatchObject([{ traceId }]);
  });

  it('starts no trace', async () => {
    await ask(gateway, customer, {
      traceparent: `00-${traceId}-0000000000000000-01`,
      tracestate: 'vendor=1',
    });
    expect(lastCall(gateway).traceparent).toBeUndefined();
    expect(lastCall(gateway).tracestate).toBeUndefined();
    expect(operationLines(gateway)[0]).not.toHaveProperty('traceId');
  });
});

describe.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])(
  'a gateway with %o',
  (environment) => {
    const collector = useCollector();
    const gateway = useTracedGateway(collector, environment);

    it('starts no trace', async () => {
      await ask(gateway);
      expect(lastCall(gateway).traceparent).toBeUndefined();
    });
  },
);
