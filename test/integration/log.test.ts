import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { apiKey, customer, customerOf, entitlement, organisation, totalQuery } from '../support/ids.ts';

describe('the log of a gateway', () => {
  const gateway = useGateway({
    UPSTREAM_DEADLINE_MS: '100',
    UPSTREAM_RETRIES: '0',
    UPSTREAM_BREAKER_FAILURES: '1000',
    CACHE_MAX_AGE_SECONDS: '0',
  });
  const operations = () => gateway.log.filter(({ msg }) => msg === 'operationEnded');

  it('has one line for each operation', async () => {
    const failing = customerOf('0404');
    await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: customer });
    await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: failing });
    await gateway.gql(
      `{ a: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity }
         b: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${failing}") { quantity } }`,
    );
    await gateway.gql(
      `{ customerEntitlementTotals(requests: { entitlementId: "${entitlement}", customerId: "${failing}" }) { quantity } }`,
    );
    await gateway.gql('{ nothing }');
    const body = JSON.stringify({ query: '{ __typename }', operationName: `None${'e'.repeat(200)}` });
    await gateway.gql('', {}, { body });
    const line = {
      level: 'info',
      time: expect.any(String),
      msg: 'operationEnded',
      requestId: expect.any(String),
      durationMs: expect.any(Number),
      responseCache: 'miss',
      execution: expect.stringMatching(/^(interpreted|compiled)$/),
    };
    const { execution, ...unexecuted } = line;
    const failed = { outcome: 'failed', codes: ['NOT_FOUND'] };
    expect(operations()).toEqual([
      {
        ...line,
        operationName: 'Total',
        outcome: 'ok',
        codes: [],
        upstreamCalls: 1,
        totals: { upstream: 1 },
      },
      { ...line, operationName: 'Total', ...failed, upstreamCalls: 1, totals: { failed: 1 } },
      {
        ...line,
        operationName: null,
        ...failed,
        outcome: 'partial',
        upstreamCalls: 2,
        totals: { upstream: 1, failed: 1 },
      },
      { ...line, operationName: null, ...failed, upstreamCalls: 1, totals: { failed: 1 } },
      {
        ...unexecuted,
        operationName: null,
        outcome: 'failed',
        codes: ['GRAPHQL_VALIDATION_FAILED'],
        upstreamCalls: 0,
        totals: {},
      },
      {
        ...unexecuted,
        operationName: null,
        claimedName: `None${'e'.repeat(124)}`,
        outcome: 'failed',
        codes: ['OPERATION_RESOLUTION_FAILURE'],
        upstreamCalls: 0,
        totals: {},
      },
    ]);
  });

  it('has one warning with the cause of each failed upstream call', async () => {
    for (const code of ['5200', '8888', '9999', '0503']) {
      await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: customerOf(code) });
    }
    const causes = gateway.log.filter(({ level }) => level === 'warn');
    expect(causes).toMatchObject([
      { msg: 'upstreamCallEnded', result: 200, problem: 'the body is not JSON' },
      { msg: 'upstreamCallEnded', result: 'connection', reason: 'ECONNRESET' },
      { msg: 'upstreamCallEnded', result: 'timeout' },
      { msg: 'upstreamCallEnded', result: 503, upstreamIds: { 'x-amzn-requestid': expect.any(String) } },
    ]);
  });

  it('has no secret in it after every kind of failure', async () => {
    const codes =
      '0400 0401 0403 0404 0422 1422 2422 3422 0429 0500 9500 0502 0503 0504 5200 6200 7200 8888 9999';
    for (const code of codes.split(' ')) {
      await gateway.gql(totalQuery, { entitlementId: entitlement, customerId: customerOf(code) });
    }
    // A request id is logged as it came.
    await gateway.gql('{ __typename }', {}, { headers: { 'x-request-id': `${apiKey} ${organisation}` } });
    const text = JSON.stringify(gateway.log);
    expect(text).toContain('"requestId":"[redacted] [redacted]"');
    expect(gateway.log.length).toBeGreaterThan(25);
    expect(text).not.toContain(apiKey);
    expect(text).not.toContain(organisation);
  });
});

describe('the log of a gateway with all kinds of secrets', () => {
  const secrets = { ROUTER_SECRET: 'router-secret-0123', PURGE_TOKEN: 'purge-token-0123' };
  const gateway = useGateway({ AUTH_MODE: 'router', ...secrets });

  it('redacts each secret, also in a request id that a caller chose', async () => {
    const all = [...Object.values(secrets), apiKey, organisation].join(' ');
    const headers = { 'x-router-secret': secrets.ROUTER_SECRET, 'x-request-id': all };
    await gateway.gql('{ __typename }', {}, { headers });
    await gateway.gql('{ __typename }', {}, { headers: { 'x-request-id': all } });
    await fetch(`${gateway.adminUrl}/purge`, { method: 'POST', headers: { 'x-request-id': all } });
    expect(gateway.log).toHaveLength(3);
    for (const { requestId } of gateway.log)
      expect(requestId).toBe('[redacted] [redacted] [redacted] [redacted]');
  });
});
