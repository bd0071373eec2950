import type { Measurement } from './throughput.ts';
import { workloads } from './workloads.ts';

export type Results = {
  rounds: number;
  seconds: number;
  /** By workload, then by contestant: one measurement per round. */
  throughput: Record<string, Record<string, Measurement[]>>;
  /** The 99th percentile of the gateway's response times at half of its maximal rate, by workload. */
  p99Ms: Record<string, number>;
};

type Reading = {
  /** Makes one number of those of all rounds. */
  summarize: (numbers: readonly number[]) => number;
  /** What ratios compare. */
  rate: (measurement: Measurement) => number;
};

export const perSecond = (measurement: Measurement) => measurement.perSecond;
/** Differs from `perSecond` if the server waits, or other work on the machine takes a part of its core. */
export const perCpuSecond = ({ cpuMsPerRequest }: Measurement) => 1000 / cpuMsPerRequest;

export type Goal = {
  name: string;
  /** The names of the contestants that it compares. */
  contestants?: readonly string[];
  /** A figure without a bound is only reported. */
  atLeast?: number;
  atMost?: number;
  /** Returns undefined if the run did not measure it. */
  read: (results: Results, reading: Reading) => number | undefined;
};

type Comparison = {
  workload: string;
  own?: string;
  others: readonly string[];
  title?: string;
  atLeast?: number;
};

const gateway = 'gateway';
const inProduction = ['Apollo + Express', 'Apollo thin', 'mercurius + jit'];
const silent = [...inProduction, 'Hive Gateway'].map((name) => `${name} (silent)`);
const bestPeer = { others: inProduction, title: 'the best JavaScript peer' };
const bestSilentPeer = { others: silent, title: 'the best silent JavaScript peer' };
const latencyWorkloads = ['hot', '50-varied', '50-entities-varied'];

export const goals: readonly Goal[] = [
  compare({ workload: 'hot', others: ['mercurius + jit'], atLeast: 1.3 }),
  compare({ workload: 'hot', others: ['mercurius + jit (silent)'] }),
  compare({ workload: '50-varied', ...bestPeer, atLeast: 1.3 }),
  compare({ workload: '50-varied', ...bestSilentPeer }),
  compare({ workload: '50-entities-varied', ...bestPeer, atLeast: 1.3 }),
  compare({ workload: '50-entities-varied', ...bestSilentPeer }),
  ...compareEach(['cold', 'cold-20ms', '50-cold'], { others: ['node:http + got'], atLeast: 0.85 }),
  ...compareEach(['hot', '50-same', '50-entities-same'], { others: ['node:http'] }),
  ...compareEach(['hot', '50-varied', '50-cold'], { others: ['Tailcall (silent)'] }),
  ...compareEach(['hot', 'cold', '50-entities-varied'], {
    own: 'gateway (1 % traced)',
    others: [gateway],
    atLeast: 0.85,
  }),
  compare({ workload: '50-varied', own: 'gateway (2 workers)', others: [gateway], atLeast: 1.7 }),
  ...compareEach(
    workloads.map(({ name }) => name),
    { others: ['baseline'], atLeast: 0.9 },
  ),
  ...compareEach(['cold', 'cold-20ms', '50-cold'], {
    own: 'gateway (undici)',
    others: ['baseline (undici)'],
    atLeast: 0.9,
  }),
  ...latencyWorkloads.map((name) => ({
    name: `${name}: p99 at half of the maximal rate, in ms`,
    atMost: 10,
    read: ({ p99Ms }: Results) => p99Ms[name],
  })),
  {
    name: 'resident memory after each load, at most, in MiB',
    atMost: 300,
    read: (results) => ofGateway(results, (all) => Math.max(...all.map((one) => one.residentMebibytes))),
  },
  {
    name: 'start to first answer, in ms',
    atMost: 1300,
    read: (results) => ofGateway(results, (all) => median(all.map(({ startMs }) => startMs))),
  },
];

/** The workloads at whose half rate the gateway's response times are measured. */
export const isLatencyWorkload = (name: string) => latencyWorkloads.includes(name);

/** The rate as a multiple of another contestant's in the same round; of several others, the fastest counts. */
function compare({ workload, own = gateway, others, title = others[0], atLeast }: Comparison): Goal {
  return {
    name: `${workload}: ${own} to ${title}`,
    contestants: [own, ...others],
    ...(atLeast !== undefined && { atLeast }),
    read({ throughput }, { summarize, rate }) {
      const row = throughput[workload] ?? {};
      const ratios = others.flatMap((other) => {
        const [ours, theirs] = [row[own], row[other]];
        if (ours === undefined || theirs === undefined) return [];
        const ratioOf = (own: Measurement, round: number) => {
          const peer = theirs[round];
          return peer === undefined ? Number.NaN : rate(own) / rate(peer);
        };
        return summarize(ours.map(ratioOf));
      });
      return ratios.length === 0 ? undefined : Math.min(...ratios);
    },
  };
}

function compareEach(names: readonly string[], comparison: Omit<Comparison, 'workload'>): Goal[] {
  return names.map((workload) => compare({ workload, ...comparison }));
}

function ofGateway(
  { throughput }: Results,
  summarize: (all: readonly Measurement[]) => number,
): number | undefined {
  const all = Object.values(throughput).flatMap((row) => row[gateway] ?? []);
  return all.length === 0 ? undefined : summarize(all);
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

type Verdict = { text: string; passes: boolean };

/**
 * Judges the ratios of a smoke run by half of their goals and by their best rounds: other work on the machine slows single rounds.
 */
export function judgeSmoke(results: Results): Verdict[] {
  return goals.flatMap(({ name, atLeast, read }) => {
    const ratio = read(results, { summarize: (numbers) => Math.max(...numbers), rate: perSecond });
    if (ratio === undefined || atLeast === undefined) return [];
    return { text: `${name}: ${ratio.toPrecision(3)} (goal ${atLeast})`, passes: ratio >= atLeast / 2 };
  });
}
