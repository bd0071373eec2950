import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

const credentialsRejected = { code: 'UPSTREAM_REJECTED_CREDENTIALS', retryable: false };
const unavailable = { code: 'UPSTREAM_UNAVAILABLE', retryable: true };
const invalid = { code: 'UPSTREAM_INVALID_RESPONSE', retryable: false, upstream: { status: 200 } };
const badInput = { code: 'BAD_USER_INPUT', retryable: false };

/** The error's `extensions`, without the request id, for each behaviour of the simulator. */
const failures: Record<string, object> = {
  '0400': { ...badInput, upstream: { status: 400 } },
  '0401': { ...credentialsRejected, upstream: { status: 401 } },
  '0403': { ...credentialsRejected, upstream: { status: 403 } },
  '0404': { code: 'NOT_FOUND', retryable: false, upstream: { status: 404 } },
  '0422': {
    ...badInput,
    upstream: { status: 422 },
    validationErrors: [
      {
        loc: ['query', 'start_date'],
        msg: 'Input should be a valid integer',
        type: 'int_parsing',
        argument: 'startDate',
      },
    ],
  },
  '1422': {
    ...badInput,
    upstream: { status: 422 },
    validationErrors: [
      {
        loc: ['query', 'start_date'],
        msg: 'value is not a valid integer',
        type: 'type_error.integer',
        argument: 'startDate',
      },
      {
        loc: ['path', 'entitlement_id'],
        msg: 'value is not a valid uuid',
        type: 'type_error.uuid',
        argument: 'entitlementId',
      },
    ],
  },
  '2422': {
    ...badInput,
    upstream: { status: 422 },
    validationErrors: [{ loc: [], msg: 'The window is too long', type: '', argument: null }],
  },
  '3422': { ...credentialsRejected, upstream: { status: 422 } },
  '0429': { code: 'UPSTREAM_RATE_LIMITED', retryable: true, retryAfterSeconds: 1, upstream: { status: 429 } },
  '9302': { ...unavailable, upstream: { status: 302 } },
  '9401': { ...credentialsRejected, upstream: { status: 401 } },
  '9403': { ...unavailable, upstream: { status: 403 } },
  '9404': { ...unavailable, upstream: { status: 404 } },
  '9408': { code: 'UPSTREAM_TIMEOUT', retryable: true, upstream: { status: 408 } },
  '0500': { ...unavailable, upstream: { status: 500 } },
  '9500': { ...unavailable, upstream: { status: 500 } },
  '0502': { ...unavailable, upstream: { status: 502 } },
  '0503': { ...unavailable, upstream: { status: 503 } },
  '0504': { ...unavailable, upstream: { status: 504 } },
  '5200': invalid,
  '6200': invalid,
  '7200': invalid,
  '8888': unavailable,
  '9999': { code: 'UPSTREAM_TIMEOUT', retryable: true },
};

const quantities: Record<string, number | null> = {
  '0200': null,
  '1200': null,
  '2200': 45.2,
  '3200': 1e21,
  '4200': 1000.5,
};

describe('a total that Zenskar fails to answer', () => {
  const gateway = useGateway({
    UPSTREAM_DEADLINE_MS: '200',
    UPSTREAM_RETRIES: '0',
    UPSTREAM_BREAKER_FAILURES: '1000',
    CACHE_MAX_AGE_SECONDS: '0',
  });

  it.each(Object.entries(failures))(
    'is null with its own error code beside an answered total, for simulated behaviour %s',
    async (code, extensions) => {
      const { status, body } = await gateway.gql(
        `query ($failing: UUID!) {
        good: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity }
        bad: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: $failing) { quantity }
      }`,
        { failing: customerOf(code) },
        { headers: { 'x-request-id': 'the-request' } },
      );
      expect(status).toBe(200);
      expect(body).toEqual({
        errors: [
          {
            message: expect.stringMatching(/^Zenskar [^{}<>/]+\.$/),
            locations: [{ line: 3, column: 9 }],
            path: ['bad'],
            extensions: { ...extensions, requestId: 'the-request' },
          },
        ],
        data: { good: { quantity: expectedQuantity() }, bad: null },
      });
    },
  );

  it.each(Object.entries(quantities))(
    'is still returned for simulated behaviour %s',
    async (code, quantity) => {
      const { body } = await gateway.gql(totalQuery, {
        entitlementId: entitlement,
        customerId: customerOf(code),
      });
      expect(body).toEqual({ data: { customerEntitlementTotal: { quantity } } });
    },
  );

  it('is answered again once Zenskar has recovered', async () => {
    gateway.simulator.overall = { mode: 'down' };
    const variables = { entitlementId: entitlement, customerId: customer };
    const { body } = await gateway.gql(totalQuery, variables);
    expect(body.errors?.[0].extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      upstream: { status: 503 },
    });
    gateway.simulator.overall = { mode: 'ok' };
    expect((await gateway.gql(totalQuery, variables)).body.data).toEqual({
      customerEntitlementTotal: { quantity: expectedQuantity() },
    });
  });
});

describe('an unreachable Zenskar', () => {
  const gateway = useGateway({ ZENSKAR_URL: 'http://127.0.0.1:1' });

  it('makes totals UPSTREAM_UNAVAILABLE and leaves the gateway ready', async () => {
    const { status, body } = await gateway.gql(totalQuery, {
      entitlementId: entitlement,
      customerId: customer,
    });
    expect(status).toBe(200);
    expect(body.errors?.[0].extensions).toEqual({ ...unavailable, requestId: expect.any(String) });
    expect((await gateway.fetch('/readyz')).status).toBe(200);
  });
});

describe('a change of the contract of Zenskar', () => {
  const gateway = useGateway();

  it('is counted for each total and logged once per kind, although the totals are answered', async () => {
    // Without a quantity, and with one beyond 2^53.
    for (const code of ['1200', '3200', '3200']) {
      const variables = { entitlementId: entitlement, customerId: customerOf(code) };
      expect((await gateway.gql(totalQuery, variables)).body.errors).toBeUndefined();
      gateway.advance(91_000);
    }
    const lines = gateway.log.filter(({ msg }) => msg === 'contractDrift');
    expect(lines.map(({ level, kind }) => [level, kind])).toEqual([
      ['warn', 'missing_field'],
      ['warn', 'inexact_number'],
    ]);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics.match(/^upstream_contract_drift_total.*$/gm)).toEqual([
      'upstream_contract_drift_total{kind="missing_field"} 1',
      'upstream_contract_drift_total{kind="inexact_number"} 2',
    ]);
  });
});
