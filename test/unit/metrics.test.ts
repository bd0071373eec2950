import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createWorkerMetrics } from '../../src/telemetry/workerMetrics.ts';

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

const config = { UPSTREAM_BREAKER_RESET_MS: 5000 };
const settings = { config, monotonic: () => 0 };

describe('the metrics', () => {
  it('label operations by the names of the safelist and all others as other', async () => {
    const { count, read } = createMetrics({ ...settings, operationNames: ['Listed'] });
    for (const operationName of ['Listed', 'Odd', null]) count({ ...operation, operationName });
    const { body } = await read();
    expect(body.match(/^graphql_operations_total.*$/gm)).toEqual([
      'graphql_operations_total{operation="Listed",outcome="ok"} 1',
      'graphql_operations_total{operation="other",outcome="ok"} 1',
      'graphql_operations_total{operation="anonymous",outcome="ok"} 1',
    ]);
  });

  it('give durations in seconds', async () => {
    const { count, read } = createMetrics(settings);
    count({ ...operation, operationName: null });
    const { body } = await read();
    expect(body).toMatch(/^graphql_operation_duration_seconds_sum 0\.04$/m);
    expect(body).toMatch(/^graphql_operation_duration_seconds_bucket\{le="0\.025"\} 0$/m);
    expect(body).toMatch(/^graphql_operation_duration_seconds_bucket\{le="0\.05"\} 1$/m);
  });

  it('have buckets just below the attempt timeout for upstream calls', async () => {
    const { count, read } = createMetrics(settings);
    const call = {
      type: 'upstreamCallEnded',
      severity: 'debug',
      requestId: 'r',
      result: 200,
      upstreamIds: {},
    } as const;
    count({ ...call, reason: undefined, problem: undefined, durationMs: 1800 });
    const { body } = await read();
    const buckets = [...body.matchAll(/^upstream_request_duration_seconds_bucket\{le="(.+)"\} (\d)$/gm)];
    expect(buckets.map(([, bound, calls]) => [bound, calls]).slice(9)).toEqual([
      ['1', '0'],
      ['1.5', '0'],
      ['2', '1'],
      ['2.5', '1'],
      ['5', '1'],
      ['10', '1'],
      ['+Inf', '1'],
    ]);
  });

  it('show the worst circuit of all tenants until it closes or its reset time has passed', async () => {
    let nowMs = 0;
    const { count, read } = createMetrics({ ...settings, monotonic: () => nowMs });
    const state = async () => Number(/^upstream_circuit_state (\d)$/m.exec((await read()).body)?.[1]);
    count({ type: 'circuitChanged', tenant: 'a', state: 'open' });
    nowMs = 3000;
    count({ type: 'circuitChanged', tenant: 'b', state: 'halfOpen' });
    expect(await state()).toBe(2);
    nowMs = 5001;
    expect(await state()).toBe(1);
    count({ type: 'circuitChanged', tenant: 'b', state: 'closed' });
    expect(await state()).toBe(0);
  });

  it('count dropped log lines from zero on', async () => {
    const { countDroppedLine, read } = createMetrics(settings);
    expect((await read()).body).toMatch(/^log_lines_dropped_total 0$/m);
    countDroppedLine();
    expect((await read()).body).toMatch(/^log_lines_dropped_total 1$/m);
  });

  it('contain the number of purges that Redis has not taken, only in a gateway with Redis', async () => {
    const { count, read } = createMetrics(settings);
    expect((await read()).body).not.toMatch(/purges_pending/);
    for (const pending of [0, 2, 1]) count({ type: 'purgesPending', count: pending });
    expect((await read()).body).toMatch(/^purges_pending 1$/m);
  });

  it('contain redis_up only in a gateway with Redis', async () => {
    const { count, read } = createMetrics(settings);
    expect((await read()).body).not.toMatch(/redis_up/);
    count({ type: 'redisChanged', state: 'up', reason: undefined });
    expect((await read()).body).toMatch(/^redis_up 1$/m);
    for (const state of ['down', 'refusing'] as const) {
      count({ type: 'redisChanged', state: 'up', reason: undefined });
      count({ type: 'redisChanged', state, reason: 'gone' });
      expect((await read()).body).toMatch(/^redis_up 0$/m);
    }
  });

  it('count connections and requests of the main listener only, and show that it drains', async () => {
    const { count, read } = createMetrics(settings);
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

describe('the metrics of several workers', () => {
  it('are added up; when a worker ends, its counters stay and its gauges vanish', async () => {
    const sum = createWorkerMetrics();
    const workers = [1, 2].map((id) => ({ id, ...createMetrics(settings) }));
    sum.countDroppedLine();
    for (const { id, count, countDroppedLine, readSamples } of workers) {
      for (let n = 0; n < id * 10; n += 1) count({ ...operation, operationName: null });
      count({ type: 'connectionsChanged', listener: 'main', open: 7 });
      countDroppedLine();
      // As it comes from another process.
      sum.update(id, JSON.parse(JSON.stringify(await readSamples())));
    }
    const samples = async () => {
      const { body } = await sum.read();
      const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)?.[1]);
      return [
        value('graphql_operations_total\\{operation="anonymous",outcome="ok"\\}'),
        value('graphql_operation_duration_seconds_count'),
        value('graphql_operation_duration_seconds_bucket\\{le="0.05"\\}'),
        value('log_lines_dropped_total'),
        value('gateway_connections'),
        value('gateway_info\\{version="[\\d.]+"\\}'),
      ];
    };
    expect(await samples()).toEqual([30, 30, 30, 3, 14, 1]);
    sum.remove(2);
    expect(await samples()).toEqual([30, 30, 30, 3, 7, 1]);
    expect(await samples()).toEqual([30, 30, 30, 3, 7, 1]);
    sum.remove(1);
    sum.update(3, JSON.parse(JSON.stringify(await (workers[0] as (typeof workers)[0]).readSamples())));
    expect(await samples()).toEqual([40, 40, 40, 4, 7, 1]);
  });
});
