import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listContestants } from '../../bench/contestants.ts';
import { goals, judgeSmoke, type Results } from '../../bench/goals.ts';
import { toMarkdown } from '../../bench/report.ts';
import { checkAnswer, type Measurement } from '../../bench/throughput.ts';
import { toLua, toSample, workloads } from '../../bench/workloads.ts';
import { describeWithWrk, receiveFromWrk } from '../support/wrk.ts';

const measurement: Measurement = {
  perSecond: 100,
  cpuMsPerRequest: 1,
  residentMebibytes: 1,
  upstreamCallsPerRequest: 0,
  startMs: 1,
};
/** Its binary is installed on Linux on x64 only. */
const tailcall = 'Tailcall (silent)';
const toRow = (rates: readonly number[]) => rates.map((perSecond) => ({ ...measurement, perSecond }));
const toResults = (throughput: Results['throughput']): Results => {
  return { rounds: 3, seconds: 1, throughput, p99Ms: {} };
};

describe('the goals of the benchmark', () => {
  const contestants = listContestants('baseline');

  it('each find their figures in a run of all workloads with a baseline', () => {
    const rows = workloads.map((workload) => {
      const names = contestants.filter(({ takes }) => takes(workload)).map(({ name }) => name);
      return [workload.name, Object.fromEntries([...names, tailcall].map((name) => [name, [measurement]]))];
    });
    const p99Ms = Object.fromEntries(workloads.map(({ name }) => [name, 1]));
    const results = { ...toResults(Object.fromEntries(rows)), p99Ms };
    const reading = { summarize: () => 1, rate: () => 1 };
    expect(goals.filter(({ read }) => read(results, reading) === undefined)).toEqual([]);
  });

  it('name contestants that exist', () => {
    const names = [...contestants.map(({ name }) => name), tailcall];
    const compared = goals.flatMap((goal) => goal.contestants ?? []);
    expect(compared.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('compare the gateway with the fastest of its peers, by the median of the ratios within each round', () => {
    const text = toMarkdown(
      toResults({
        '50-varied': {
          gateway: toRow([100, 300, 200]),
          'Apollo thin': toRow([50, 50, 50]),
          'mercurius + jit': toRow([100, 100, 200]),
        },
      }),
    );
    expect(text).toContain(
      '| 50-varied: gateway to the best JavaScript peer | ≥ 1.3 | 1.00 | **no** | 1.00 |\n',
    );
  });

  it('leave out of the report what the run did not measure', () => {
    expect(toMarkdown(toResults({ hot: { gateway: toRow([100]) } }))).not.toMatch(/baseline|mercurius|p99/);
  });
});

describe('a smoke run of the benchmark', () => {
  it.each([
    ['passes with half of a goal', [65], true],
    ['fails with less than half of a goal', [64], false],
    ['passes if one round reaches half of a goal', [10, 65, 20], true],
    ['fails without a number', [Number.NaN], false],
  ])('%s', (_, rates, passes) => {
    const hot = { gateway: toRow(rates), 'mercurius + jit': toRow(rates.map(() => 100)) };
    const text = expect.stringMatching(/^hot: gateway to mercurius \+ jit: .+ \(goal 1.3\)$/);
    expect(judgeSmoke(toResults({ hot }))).toEqual([{ text, passes }]);
  });
});

describe('the check of answers', () => {
  const [workload] = workloads;
  if (workload === undefined) throw new Error('There is no workload.');
  const sample = toSample(workload, 'ID', 0);
  let status = 200;
  let body = '';
  const server = createServer((_, response) => response.writeHead(status).end(body));
  beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
  afterAll(() => server.close().closeAllConnections());
  const check = () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return checkAnswer('a contestant', url, sample);
  };

  it('accepts the right answer', async () => {
    body = JSON.stringify(sample.answer);
    await expect(check()).resolves.toBeUndefined();
  });

  it('fails the run if one quantity is wrong', async () => {
    body = JSON.stringify(sample.answer).replace(/(?<=:)\d+/, (quantity) => String(Number(quantity) + 1));
    await expect(check()).rejects.toThrow('a contestant answers wrongly: 200 {"data":');
  });

  it('fails the run if the status is not 200', async () => {
    [status, body] = [202, JSON.stringify(sample.answer)];
    await expect(check()).rejects.toThrow('a contestant answers wrongly: 202 {"data":');
  });
});

describeWithWrk('the load of the benchmark', () => {
  const count = 250;
  const customers = /[0-9a-f]{8}-7777-4000-8000-[0-9a-f]{12}/g;
  const series = 0xabc;

  it.each(workloads.map((workload) => [workload.name, workload] as const))(
    '%s: sends the sample with its own customers, request id and trace in each request',
    async (_, workload) => {
      const received = await receiveFromWrk(toLua(workload, 'UUID', series), count);
      const headers = received.map((request) => request.headers);
      const expected = toSample(workload, 'UUID', series).body.replaceAll(customers, '');
      expect(received.length).toBeGreaterThanOrEqual(count);
      expect(new Set(received.map(({ body }) => body.replaceAll(customers, '')))).toEqual(
        new Set([expected]),
      );
      expect(new Set(headers.map((each) => each['x-request-id'])).size).toBe(received.length);
      const traces = headers.map(
        ({ traceparent }) => /^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$/.exec(String(traceparent))?.[1],
      );
      expect(traces).not.toContain(undefined);
      expect(new Set(traces).size).toBe(received.length);
      const ids = received.flatMap(({ body }) => body.match(customers) ?? []);
      const distinct = { same: workload.size, varied: Math.min(500, ids.length), cold: ids.length }[
        workload.customers
      ];
      // 250 random picks of 500 customers are about 197 different ones.
      const least = workload.customers === 'varied' ? 0.3 * distinct : distinct;
      expect(new Set(ids).size).toBeLessThanOrEqual(distinct);
      expect(new Set(ids).size).toBeGreaterThanOrEqual(least);
    },
  );
});
