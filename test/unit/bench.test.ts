import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contestants } from '../../bench/contestants.ts';
import { check } from '../../bench/race.ts';
import { judge } from '../../bench/report.ts';
import { toSample, workloads } from '../../bench/workloads.ts';

/** A smoke run in which the gateway did so much at W1 in each round, and bare node:http 100. */
function judgeRounds(...perSecond: number[]) {
  const other = { cpuMsPerRequest: 1, residentMebibytes: 1, upstreamPerRequest: 0, startMs: 1 };
  const row = (rates: number[]) => rates.map((rate) => ({ ...other, perSecond: rate }));
  const W1 = { 'the gateway': row(perSecond), 'bare node:http': row(perSecond.map(() => 100)) };
  return judge({ rounds: 1, seconds: 1, isSmoke: true, figures: { W1 } });
}

describe('a smoke run of the benchmark', () => {
  it.each([
    ['half of a goal', [43], true],
    ['less than half', [42], false],
    ['half in the best of its rounds', [10, 43, 20], true],
    ['no number', [Number.NaN], false],
  ])('tells of %s', (_, rates, isNear) => {
    expect(judgeRounds(...rates)).toEqual([
      { text: expect.stringMatching(/^W1: the gateway to bare node:http: .+ \(goal 0.85\)$/), isNear },
    ]);
  });
});

describe('a contestant', () => {
  const [workload] = workloads;
  const [contestant] = contestants;
  if (workload === undefined || contestant === undefined) throw new Error('There is nothing to measure.');
  const sample = toSample(workload, contestant.idType, 0);
  let words = '';
  const server = createServer((_, response) => response.end(words));
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => server.close().closeAllConnections());

  it('is measured where it answers rightly, and fails the run where it does not', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    words = JSON.stringify(sample.answer);
    await expect(check(url, sample, { contestant })).resolves.toBeUndefined();
    words = words.replace(/(?<=:)\d+/, (quantity) => String(Number(quantity) + 1));
    await expect(check(url, sample, { contestant })).rejects.toThrow(/answers wrongly/);
  });
});
