import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const operation = {
  type: 'operationEnded',
  requestId: 'r',
  outcome: 'ok',
  codes: [],
  upstreamCalls: 0,
  totals: {},
  responseCache: 'miss',
  execution: undefined,
  durationMs: 40,
} as const;

describe('metrics', () => {
  it('name the operations of a safelist, and no others', async () => {
    const { count, read } = createMetrics({ operationNames: ['Listed'] });
    for (const operationName of ['Listed', 'Odd', null]) count({ ...operation, operationName });
    const { body } = await read();
    expect(body.match(/^graphql_operations_total.*$/gm)).toEqual([
      'graphql_operations_total{operation="Listed",outcome="ok"} 1',
      'graphql_operations_total{operation="other",outcome="ok"} 1',
      'graphql_operations_total{operation="anonymous",outcome="ok"} 1',
    ]);
  });

  it('give durations in seconds', async () => {
    const { count, read } = createMetrics({ operationNames: undefined });
    count({ ...operation, operationName: null });
    const { body } = await read();
    expect(body).toMatch(/^graphql_operation_duration_seconds_sum 0\.04$/m);
    expect(body).toMatch(/^graphql_operation_duration_seconds_bucket\{le="0\.025"\} 0$/m);
    expect(body).toMatch(/^graphql_operation_duration_seconds_bucket\{le="0\.05"\} 1$/m);
  });

  it('show the worst circuit of all tenants, until it closes or is forgotten', async () => {
    const { count, read } = createMetrics({ operationNames: undefined });
    const state = async () => Number(/^upstream_circuit_state (\d)$/m.exec((await read()).body)?.[1]);
    count({ type: 'circuitChanged', tenant: 'a', state: 'open' });
    count({ type: 'circuitChanged', tenant: 'b', state: 'halfOpen' });
    expect(await state()).toBe(2);
    count({ type: 'tenantForgotten', tenant: 'a' });
    expect(await state()).toBe(1);
    count({ type: 'circuitChanged', tenant: 'b', state: 'closed' });
    expect(await state()).toBe(0);
  });

  it('say whether Redis answers, once there is one', async () => {
    const { count, read } = createMetrics({ operationNames: undefined });
    expect((await read()).body).not.toMatch(/redis_up/);
    count({ type: 'redisChanged', state: 'up', reason: undefined });
    expect((await read()).body).toMatch(/^redis_up 1$/m);
    count({ type: 'redisChanged', state: 'down', reason: 'gone' });
    expect((await read()).body).toMatch(/^redis_up 0$/m);
  });

  it('take connections and requests of the main listener alone, and see it drain', async () => {
    const { count, read } = createMetrics({ operationNames: undefined });
    for (const listener of ['main', 'admin'] as const) {
      count({ type: 'connectionsChanged', listener, open: listener === 'main' ? 3 : 5 });
      count({ type: 'requestEnded', listener, status: 200, durationMs: 1 });
    }
    count({ type: 'draining', listener: 'main' });
    const { body } = await read();
    expect(body).toMatch(/^gateway_connections 3$/m);
    expect(body).toMatch(/^gateway_http_requests_total\{status="200"\} 1$/m);
    expect(body).toMatch(/^gateway_draining 1$/m);
  });
});
