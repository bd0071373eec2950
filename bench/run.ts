import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listContestants } from './contestants.ts';
import { isLatencyWorkload, judgeSmoke, median, type Results } from './goals.ts';
import { measureP99 } from './latency.ts';
import { openLogPipe } from './processes.ts';
import { save, toMarkdown, writePage } from './report.ts';
import { measureThroughput, type Settings } from './throughput.ts';
import { workloads } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    /** The directory of another checkout of the gateway, with its own node_modules, that is measured as well. */
    baseline: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    /** Seconds for which V8 goes on to optimise code. */
    'warm-up': { type: 'string', default: '5' },
    /** Names, separated by commas; all without it. */
    workloads: { type: 'string' },
    contestants: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const { smoke } = options;
const chosenWorkloads = choose(workloads, smoke ? 'hot,50-varied,cold' : options.workloads);
const chosenContestants = choose(
  listContestants(options.baseline),
  smoke ? 'gateway,mercurius + jit,node:http + got' : options.contestants,
);

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const { log, close: closeLog } = openLogPipe(folder);
let series = Math.floor(Date.now() / 1000) % 0xffffff;
const settings: Settings = {
  rounds: smoke ? 3 : Number(options.rounds),
  seconds: Number(options.seconds),
  warmUpSeconds: smoke ? 2 : Number(options['warm-up']),
  folder,
  log,
  nextSeries: () => {
    series += 1;
    return series;
  },
};
const { rounds, seconds } = settings;
const results: Results = { rounds, seconds, throughput: {}, p99Ms: {} };

try {
  for (const workload of chosenWorkloads) {
    const runners = chosenContestants.filter(({ takes }) => takes(workload));
    const measurements = await measureThroughput(workload, runners, settings);
    results.throughput[workload.name] = Object.fromEntries(
      runners.map(({ name }, n) => [name, measurements[n] ?? []]),
    );
    for (const [n, { name }] of runners.entries()) {
      const perSecond = Math.round(median(measurements[n]?.map((one) => one.perSecond) ?? []));
      process.stdout.write(`${workload.name}, ${name}: ${perSecond}/s\n`);
    }
    const gateway = runners.find(({ name }) => name === 'gateway');
    if (!smoke && gateway !== undefined && isLatencyWorkload(workload.name))
      results.p99Ms[workload.name] = await measureP99(gateway, workload, settings);
    save(results);
  }
} finally {
  closeLog();
  rmSync(folder, { recursive: true });
}

if (smoke) {
  const verdicts = judgeSmoke(results);
  for (const { text } of verdicts) process.stdout.write(`${text}\n`);
  process.exitCode = verdicts.length > 0 && verdicts.every(({ passes }) => passes) ? 0 : 1;
} else {
  process.stdout.write(`\n${toMarkdown(results)}`);
  if (options.write) writePage(results);
}

function choose<Named extends { name: string }>(all: readonly Named[], names?: string): readonly Named[] {
  const chosen = names?.split(',');
  const unknown = chosen?.filter((name) => !all.some((one) => one.name === name)) ?? [];
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`Unknown: ${unknown.join(', ')}. Known: ${known}.`);
  }
  return chosen === undefined ? all : all.filter(({ name }) => chosen.includes(name));
}
