import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type ReceivedSpan, useCollector } from '../support/collector.ts';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';

// One operation as the client, the log, the metrics and the tracing backend see it, on each route that it can take.
// Routes differ only in speed and in the fields that name the route.

type Sent = { method?: string; body?: object; search?: string; headers?: Record<string, string> };

type Seen = {
  status: number;
  headers: Record<string, string>;
  body: unknown;
  log: Readonly<Record<string, unknown>>[];
  /** Counters that increased. */
  metrics: Record<string, number>;
  /** The names of the spans from the outside in, and the attributes of the operation's. */
  spans: { names: string[]; operation: ReceivedSpan['attributes'] | undefined };
};

const attempt = 'GET /entitlements/{entitlement_id}/customer/{customer_id}/total';
/** From the outside in. */
const spanNames = ['query', 'GraphQL Operation', 'totals batch', attempt];
const allowGet = { 'apollo-require-preflight': '1' };

const collector = useCollector();
const environment = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_BSP_SCHEDULE_DELAY: '5',
  CORS_ORIGINS: 'https://app.example',
  UPSTREAM_RETRIES: '0',
  RATE_LIMIT_PER_MINUTE: '1000',
});
const [gateway, ...limited] = useReplicas(4, environment) as [Gateway, ...Gateway[]];
const [draining] = useReplicas(1, environment) as [Gateway];

/** Sends one request with unique ids and collects its response, log lines, metrics and spans. */
async function observe(
  { url, app, log }: Gateway,
  sent: Sent,
  meanwhile?: () => Promise<void>,
): Promise<Seen> {
  const requestId = randomBytes(8).toString('hex');
  const traceId = randomBytes(16).toString('hex');
  const before = await readCounters(app);
  const { method = 'POST', body, search = '', headers } = sent;
  const pending = fetch(`${url}/graphql${search}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      origin: 'https://app.example',
      'x-request-id': requestId,
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      ...headers,
    },
  });
  await meanwhile?.();
  const response = await pending;
  const text = await response.text();
  const spansOf = () => collector.spans.filter((span) => span.traceId === traceId);
  const isOperation = ({ parentSpanId }: ReceivedSpan) => parentSpanId === '00f067aa0ba902b7';
  await until(() => spansOf().some(isOperation));
  const after = Object.entries(await readCounters(app));
  const own = log.filter((line) => line.requestId === requestId && line.level !== 'debug');
  return {
    status: response.status,
    headers: withoutVariable(Object.fromEntries(response.headers), requestId),
    body: JSON.parse(text.replaceAll(requestId, '(request id)')),
    log: own.map(({ time, durationMs, requestId: _, traceId: loggedTraceId, ...line }) => ({
      ...line,
      hasDuration: typeof durationMs === 'number',
      isTraced: loggedTraceId === traceId,
    })),
    metrics: Object.fromEntries(
      after
        .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
        .filter(([, more]) => more > 0),
    ),
    spans: {
      names: spansOf()
        .map(({ name }) => name)
        .toSorted((a, b) => spanNames.indexOf(a) - spanNames.indexOf(b)),
      operation: spansOf().find(isOperation)?.attributes,
    },
  };
}

function withoutVariable(headers: Record<string, string>, requestId: string): Record<string, string> {
  expect(headers['x-request-id']).toBe(requestId);
  expect(Date.parse(String(headers.date))).not.toBeNaN();
  expect(Number(headers['content-length'])).toBeGreaterThan(0);
  const { date, 'content-length': length, 'x-request-id': id, ...others } = headers;
  return { ...others, 'cache-control': others['cache-control']?.replace(/=(29|30)$/, '=30') ?? '' };
}

/** Counters, and the number of observations of each histogram. */
async function readCounters(app: Gateway['app']): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const { name, values, type } of await app.readSamples()) {
    if (/^(process|nodejs)_/.test(name) || String(type) === 'gauge') continue;
    for (const { labels, value, ...rest } of values) {
      const sample = 'metricName' in rest ? String(rest.metricName) : name;
      if (/_(bucket|sum)$/.test(sample)) continue;
      counters[[sample, ...Object.values(labels)].join(' ')] = Number(value);
    }
  }
  return counters;
}

const promisedHeaders = {
  'access-control-allow-origin': 'https://app.example',
  'access-control-expose-headers': 'x-request-id,retry-after,www-authenticate',
  'cache-control': 'private, max-age=30',
  connection: 'keep-alive',
  'content-type': 'application/json; charset=utf-8',
  'keep-alive': 'timeout=65',
  'referrer-policy': 'no-referrer',
  vary: 'Origin, accept',
  'x-content-type-options': 'nosniff',
};

const ended = {
  level: 'info',
  msg: 'operationEnded',
  operationName: 'Total',
  outcome: 'ok',
  codes: [],
  upstreamCalls: 0,
  totals: { memory: 1 },
  responseCache: 'miss',
  hasDuration: true,
  isTraced: true,
};

const counted = {
  'gateway_http_requests_total 200': 1,
  gateway_http_request_duration_seconds_count: 1,
  'graphql_operations_total Total ok': 1,
  graphql_operation_duration_seconds_count: 1,
  'response_cache_total miss': 1,
};

const described = {
  'graphql.operation.type': 'query',
  'graphql.operation.name': 'Total',
  'gateway.outcome': 'ok',
  'gateway.response_cache': 'miss',
};

const variables = { entitlementId: entitlement, customerId: customer };
const total = { query: totalQuery, variables };
const data = { customerEntitlementTotal: { quantity: expectedQuantity() } };
const upstreamCounted = {
  'upstream_requests_total 200': 1,
  upstream_request_duration_seconds_count: 1,
  'totals_requested_total upstream': 1,
};
const persisted = (query: string) => ({
  persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') },
});
/** A document that no other test sends. */
const documentOf = (name: string) => `${totalQuery} # ${name}`;
const searchOf = (query: string) =>
  `?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`;
/** Sends the document until the gateway has compiled it, each time for another total. */
async function makeKnown(query: string): Promise<void> {
  for (let n = 1; n <= 4; n += 1)
    await gateway.gql(query, { ...variables, customerId: idOf(n) }, { headers: { 'x-request-id': `n${n}` } });
}

describe('an operation', () => {
  it.each([
    ['POST', { body: { ...total, query: documentOf('POST') } }],
    ['QUERY', { method: 'QUERY', body: { ...total, query: documentOf('QUERY') } }],
    ['GET', { method: 'GET', search: searchOf(documentOf('GET')), headers: allowGet }],
  ] as [string, Sent][])(
    'with an unknown document is answered, logged, counted and traced alike: by %s',
    async (_, sent) => {
      expect(await observe(gateway, sent)).toEqual({
        status: 200,
        headers: promisedHeaders,
        body: { data },
        log: [{ ...ended, execution: 'interpreted', upstreamCalls: 1, totals: { upstream: 1 } }],
        metrics: { ...counted, ...upstreamCounted, 'graphql_executions_total interpreted': 1 },
        spans: { names: ['query', 'totals batch', attempt], operation: described },
      });
    },
  );

  it('with a known document is answered, logged, counted and traced like others', async () => {
    const query = documentOf('known');
    await makeKnown(query);
    expect(await observe(gateway, { body: { query, variables } })).toEqual({
      status: 200,
      headers: promisedHeaders,
      body: { data },
      log: [{ ...ended, execution: 'compiled', upstreamCalls: 1, totals: { upstream: 1 } }],
      metrics: { ...counted, ...upstreamCounted, 'graphql_executions_total compiled': 1 },
      spans: { names: ['query', 'totals batch', attempt], operation: described },
    });
  });

  it('that hits the response cache is answered, logged, counted and traced like others', async () => {
    await observe(gateway, { body: total });
    const { 'response_cache_total miss': _, ...others } = counted;
    expect(await observe(gateway, { body: total })).toEqual({
      status: 200,
      headers: promisedHeaders,
      body: { data },
      log: [{ ...ended, responseCache: 'hit' }],
      metrics: { ...others, 'response_cache_total hit': 1, 'totals_requested_total memory': 1 },
      spans: { names: ['query'], operation: { ...described, 'gateway.response_cache': 'hit' } },
    });
  });

  it('by QUERY shares the response cache with POST', async () => {
    await observe(gateway, { body: { ...total, query: documentOf('shared') } });
    const seen = await observe(gateway, { method: 'QUERY', body: { ...total, query: documentOf('shared') } });
    expect(seen).toMatchObject({
      status: 200,
      headers: promisedHeaders,
      body: { data },
      log: [{ ...ended, responseCache: 'hit' }],
    });
  });

  it('by the hash of a persisted query is answered, logged, counted and traced like others', async () => {
    const query = documentOf('persisted');
    await gateway.gql(query, variables, {
      body: JSON.stringify({ query, variables, extensions: persisted(query) }),
    });
    const sent = { body: { extensions: persisted(query), variables } };
    expect(await observe(gateway, sent)).toEqual({
      status: 200,
      headers: promisedHeaders,
      body: { data },
      log: [{ ...ended, execution: 'interpreted' }],
      metrics: { ...counted, 'graphql_executions_total interpreted': 1, 'totals_requested_total memory': 1 },
      spans: { names: ['query'], operation: described },
    });
  });

  it('by an unknown hash is PERSISTED_QUERY_NOT_FOUND, and is logged, counted and traced like others', async () => {
    const { body, ...seen } = await observe(gateway, { body: { extensions: persisted('{ unknown }') } });
    expect(body).toEqual({
      errors: [
        {
          message: 'PersistedQueryNotFound',
          extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', requestId: '(request id)' },
        },
      ],
    });
    const failed = { outcome: 'failed', codes: ['PERSISTED_QUERY_NOT_FOUND'] };
    expect(seen).toEqual({
      status: 200,
      headers: { ...promisedHeaders, 'cache-control': 'no-store' },
      log: [{ ...ended, ...failed, operationName: null, totals: {} }],
      metrics: {
        'gateway_http_requests_total 200': 1,
        gateway_http_request_duration_seconds_count: 1,
        'graphql_operations_total anonymous failed': 1,
        graphql_operation_duration_seconds_count: 1,
        'response_cache_total miss': 1,
        'graphql_errors_total PERSISTED_QUERY_NOT_FOUND': 1,
      },
      spans: {
        names: ['GraphQL Operation'],
        operation: {
          'gateway.outcome': 'failed',
          'gateway.error_codes': ['PERSISTED_QUERY_NOT_FOUND'],
          'gateway.response_cache': 'miss',
        },
      },
    });
  });

  it.each(['an unknown document', 'a known document'])(
    'with a failed total is answered in part, logged, counted and traced like others: %s',
    async (kind) => {
      const requests = [customer, customerOf('0404')].map((customerId) => ({ ...variables, customerId }));
      const query = `query Total($requests: [CustomerEntitlementTotalRequest!]!) {
        customerEntitlementTotals(requests: $requests) { quantity } } # ${kind}`;
      const execution = kind === 'a known document' ? 'compiled' : 'interpreted';
      if (execution === 'compiled') for (let n = 0; n < 3; n += 1) await gateway.gql(query, { requests: [] });
      const partial = { outcome: 'partial', codes: ['NOT_FOUND'], totals: { upstream: 1, failed: 1 } };
      const { 'graphql_operations_total Total ok': _, ...others } = counted;
      expect(await observe(gateway, { body: { query, variables: { requests } } })).toEqual({
        status: 200,
        headers: { ...promisedHeaders, 'cache-control': 'no-store' },
        body: {
          data: { customerEntitlementTotals: [{ quantity: expectedQuantity() }, null] },
          errors: [
            {
              message: expect.any(String),
              locations: [{ line: 2, column: 9 }],
              path: ['customerEntitlementTotals', 1],
              extensions: {
                code: 'NOT_FOUND',
                retryable: false,
                requestId: '(request id)',
                upstream: { status: 404 },
              },
            },
          ],
        },
        log: [{ ...ended, ...partial, execution, upstreamCalls: 2 }],
        metrics: {
          ...others,
          'graphql_operations_total Total partial': 1,
          'graphql_errors_total NOT_FOUND': 1,
          [`graphql_executions_total ${execution}`]: 1,
          'totals_requested_total upstream': 1,
          'totals_requested_total failed': 1,
          'upstream_requests_total 200': 1,
          'upstream_requests_total 404': 1,
          upstream_request_duration_seconds_count: 2,
        },
        spans: {
          names: ['query', 'totals batch', attempt, attempt],
          operation: { ...described, 'gateway.outcome': 'partial', 'gateway.error_codes': ['NOT_FOUND'] },
        },
      });
    },
  );

  it.each(['an unknown document', 'a known document'])(
    'with invalid variables is BAD_USER_INPUT, and is logged, counted and traced like others: %s',
    async (kind) => {
      const query = documentOf(`wrong variables, ${kind}`);
      if (kind === 'a known document') await makeKnown(query);
      const { 'graphql_operations_total Total ok': _, ...others } = counted;
      const codes = ['BAD_USER_INPUT'];
      expect(
        await observe(gateway, { body: { query, variables: { ...variables, startDate: 1.5 } } }),
      ).toEqual({
        status: 200,
        headers: { ...promisedHeaders, 'cache-control': 'no-store' },
        body: {
          errors: [
            {
              message: expect.stringMatching(/^Variable "\$startDate" got invalid value 1.5/),
              locations: [{ line: 1, column: 56 }],
              extensions: { code: 'BAD_USER_INPUT', retryable: false, requestId: '(request id)' },
            },
          ],
        },
        log: [{ ...ended, outcome: 'failed', codes, totals: {}, execution: 'interpreted' }],
        metrics: {
          ...others,
          'graphql_operations_total Total failed': 1,
          'graphql_errors_total BAD_USER_INPUT': 1,
          'graphql_executions_total interpreted': 1,
        },
        spans: {
          names: ['query'],
          operation: { ...described, 'gateway.outcome': 'failed', 'gateway.error_codes': codes },
        },
      });
    },
  );

  it.each([
    ['a POST without JSON', { body: [] as object, headers: { 'content-type': 'text/plain' } }, 415],
    ['the method PUT', { method: 'PUT' }, 405],
  ] as [string, Sent, number][])(
    'that is not valid GraphQL over HTTP is BAD_REQUEST, and is counted but not logged: %s',
    async (_, sent, status) => {
      const { body, metrics, log, headers } = await observeRejected(sent, status);
      expect(body).toEqual({
        errors: [
          {
            message: expect.any(String),
            extensions: { code: 'BAD_REQUEST', retryable: false, requestId: '(request id)' },
          },
        ],
      });
      expect(metrics).toEqual({
        [`gateway_http_requests_total ${status}`]: 1,
        gateway_http_request_duration_seconds_count: 1,
      });
      expect(log).toEqual([]);
      expect(headers).toMatchObject({ ...promisedHeaders, 'cache-control': 'no-store' });
    },
  );

  it.each<[string, Sent]>([
    ['a POST', { body: { query: null }, headers: { 'content-type': 'application/json' } }],
    ['a GET', { method: 'GET', headers: allowGet }],
  ])('without a query or an id is BAD_REQUEST, and is logged and counted: %s', async (_, sent) => {
    const { body, metrics, log } = await observeRejected(sent, 400);
    const message = 'Expected `query`, `documentId` or `extensions.persistedQuery`.';
    expect(body).toEqual({
      errors: [{ message, extensions: { code: 'BAD_REQUEST', retryable: false, requestId: '(request id)' } }],
    });
    expect(metrics).toEqual({
      'gateway_http_requests_total 400': 1,
      gateway_http_request_duration_seconds_count: 1,
      'graphql_errors_total BAD_REQUEST': 1,
    });
    expect(log).toEqual([expect.objectContaining({ msg: 'requestRejected', code: 'BAD_REQUEST' })]);
  });

  /** Does not wait for spans, because a request without an operation may have none. */
  async function observeRejected(sent: Sent, status: number) {
    const requestId = randomBytes(8).toString('hex');
    const before = await readCounters(gateway.app);
    const response = await fetch(`${gateway.url}/graphql`, {
      method: sent.method ?? 'POST',
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
      headers: { origin: 'https://app.example', 'x-request-id': requestId, ...sent.headers },
    });
    expect(response.status).toBe(status);
    const text = await response.text();
    const after = Object.entries(await readCounters(gateway.app));
    return {
      headers: withoutVariable(Object.fromEntries(response.headers), requestId),
      body: JSON.parse(text.replaceAll(requestId, '(request id)')),
      log: gateway.log.filter((line) => line.requestId === requestId),
      metrics: Object.fromEntries(
        after
          .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
          .filter(([, more]) => more > 0),
      ),
    };
  }

  it.each(['an unknown document', 'a known document', 'a response-cache hit'])(
    'beyond the rate limit is RATE_LIMITED, and is answered, logged, counted and traced alike: %s',
    async (kind) => {
      const query = `query Total($ids: [UUID!]!) { _entities(representations: [{ __typename: "Customer", id: "${customer}" }]) {
        ... on Customer { entitlementTotals(entitlementIds: $ids) { quantity } } } } # ${kind}`;
      const body = { query, variables: { ids: Array.from({ length: 300 }, (_, n) => idOf(n)) } };
      // Each kind has a gateway of its own, and with it a rate limit of its own.
      const strict = limited.pop() as Gateway;
      if (kind === 'a known document')
        for (let n = 0; n < 4; n += 1) await strict.gql(query, { ids: [idOf(n)] });
      // Each of these consumes 300 of 1000 points. The response is stored at the second request with the same body.
      for (let n = 0; n < 3; n += 1) {
        const sent = kind === 'an unknown document' ? { ...body, query: `${query} ${n}` } : body;
        const variables =
          kind === 'a known document' ? { ids: [...body.variables.ids].reverse() } : body.variables;
        expect((await observe(strict, { body: { ...sent, variables } })).body).toHaveProperty('data');
      }
      const codes = ['RATE_LIMITED'];
      const { 'graphql_operations_total Total ok': _, ...others } = counted;
      expect(await observe(strict, { body })).toEqual({
        status: 200,
        headers: {
          ...promisedHeaders,
          'cache-control': 'no-store',
          'retry-after': expect.stringMatching(/^\d+$/),
        },
        body: {
          errors: [
            {
              message: 'Rate limit of 1000 per minute exceeded.',
              extensions: {
                code: 'RATE_LIMITED',
                retryable: true,
                retryAfterSeconds: expect.any(Number),
                requestId: '(request id)',
              },
            },
          ],
        },
        log: [{ ...ended, outcome: 'failed', codes, totals: {} }],
        metrics: {
          ...others,
          'graphql_operations_total Total failed': 1,
          'graphql_errors_total RATE_LIMITED': 1,
        },
        spans: {
          names: ['query'],
          operation: { ...described, 'gateway.outcome': 'failed', 'gateway.error_codes': codes },
        },
      });
    },
  );

  it('in flight while the gateway drains is answered like others and closes its connection', async () => {
    const customerId = customerOf('d3e8');
    const { 'keep-alive': _, ...others } = promisedHeaders;
    let stopped: Promise<void> | undefined;
    const seen = await observe(
      draining,
      { body: { ...total, variables: { ...variables, customerId } } },
      async () => {
        await until(() => draining.simulator.requests === 1);
        stopped = draining.app.stop();
      },
    );
    await stopped;
    expect(seen).toEqual({
      status: 200,
      headers: { ...others, connection: 'close' },
      body: { data: { customerEntitlementTotal: { quantity: expectedQuantity({ customerId }) } } },
      log: [{ ...ended, execution: 'interpreted', upstreamCalls: 1, totals: { upstream: 1 } }],
      metrics: { ...counted, ...upstreamCounted, 'graphql_executions_total interpreted': 1 },
      spans: { names: ['query', 'totals batch', attempt], operation: described },
    });
  });
});
