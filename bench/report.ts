import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { type Extras, median } from './extras.ts';
import { type Figure, warmUpSeconds } from './race.ts';
import { workloads } from './workloads.ts';

export type Results = {
  rounds: number;
  seconds: number;
  isSmoke: boolean;
  /** By workload, then by contestant: one figure for each round. */
  figures: Record<string, Record<string, Figure[]>>;
  extras?: Extras;
};

type Goal = { what: string; least?: number; most?: number; value: number | undefined };

const gateway = 'the gateway';
const undici = 'the gateway, undici';
const bare = 'bare node:http';
const floor = 'node:http + got';
const javaScript = ['Apollo + Express', 'Apollo, thin listener', 'mercurius + jit', 'Hive Gateway + OpenAPI'];
const peers = [...javaScript, 'Tailcall'];

/** How many times as much as the other, in the same round: the median of the rounds, or for a smoke test the best. */
function ratio(
  { figures, isSmoke }: Results,
  workload: string,
  [one, other]: readonly [string, string],
): number | undefined {
  const ours = figures[workload]?.[one];
  const theirs = figures[workload]?.[other];
  if (ours === undefined || theirs === undefined) return undefined;
  const ratios = ours.map(({ perSecond }, round) => perSecond / (theirs[round]?.perSecond ?? Number.NaN));
  return isSmoke ? Math.max(...ratios) : median(ratios);
}

function best(
  results: Results,
  workload: string,
  [one, others]: readonly [string, readonly string[]],
): number | undefined {
  const ratios = others.flatMap((other) => ratio(results, workload, [one, other]) ?? []);
  return ratios.length === 0 ? undefined : Math.min(...ratios);
}

function goals(results: Results): Goal[] {
  const { figures, extras } = results;
  const all = Object.values(figures).flatMap((row) => row[gateway] ?? []);
  const against = (workload: string, least: number, [other, one = gateway]: [string, string?]): Goal => ({
    what: `${workload}: ${one} to ${other}`,
    least,
    value: ratio(results, workload, [one, other]),
  });
  const againstBest = (workload: string, others: readonly string[], least: number): Goal => ({
    what: `${workload}: ${gateway} to the best of ${others === peers ? 'its peers' : 'its JavaScript peers'}`,
    least,
    value: best(results, workload, [gateway, others]),
  });
  return [
    against('W1', 0.85, [bare]),
    against('W1', 1, ['Tailcall']),
    againstBest('W2', peers, 5),
    against('W4', 3, ['Apollo, thin listener']),
    againstBest('W2v', peers, 1.3),
    againstBest('W4v', peers, 1.3),
    ...['W2c', 'W3', 'W3s'].flatMap((name) => [
      against(name, 0.75, [floor]),
      againstBest(name, javaScript, 1),
    ]),
    against('W2c', 1, ['Tailcall', undici]),
    against('W3', 0.5, ['Tailcall', undici]),
    { what: 'W1 with everything on, to bare node:http', least: 0.6, value: extras?.everythingOn },
    ...Object.entries(extras?.traced ?? {}).map(([name, value]) => ({
      what: `${name} with 1 % traced, to none`,
      least: 0.85,
      value,
    })),
    { what: 'W2v: two workers to one', least: 1.7, value: extras?.twoWorkers },
    { what: 'p99 at half rate, W1 (ms)', most: 10, value: extras?.p99.W1 },
    { what: 'p99 at half rate, W4v (ms)', most: 10, value: extras?.p99.W4v },
    {
      what: 'most memory of a process (MiB)',
      most: 300,
      value: Math.max(...all.map((one) => one.residentMebibytes)),
    },
    { what: 'start to first answer (ms)', most: 1000, value: median(all.map(({ startMs }) => startMs)) },
  ];
}

type Judged = { text: string; isNear: boolean };

/** Each ratio that was measured, and whether it is at least half of its goal: for a machine of unknown quiet. */
export function judge(results: Results): Judged[] {
  return goals(results).flatMap(({ what, value, least }) => {
    if (value === undefined || least === undefined) return [];
    return [{ text: `${what}: ${format(value)} (goal ${least})`, isNear: value >= least / 2 }];
  });
}

/** Writes what was found to `results/latest.json` and, where it is all of it, to docs/performance.md. */
export function report(results: Results, isWhole: boolean): void {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(
    new URL('results/latest.json', import.meta.url),
    `${JSON.stringify(results, undefined, 1)}\n`,
  );
  const text = toMarkdown(results);
  process.stdout.write(`\n${text}`);
  if (!isWhole) return;
  const page = new URL('../docs/performance.md', import.meta.url);
  const [head = ''] = readFileSync(page, 'utf8').split('<!-- results -->');
  writeFileSync(page, `${head}<!-- results -->\n\n${text}`);
}

function toMarkdown(results: Results): string {
  const { figures, rounds, seconds } = results;
  const names = [...new Set(Object.values(figures).flatMap(Object.keys))];
  const measured = workloads.filter(({ name }) => figures[name] !== undefined);
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`;
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const table = (pick: (figure: Figure) => number) =>
    row(['', ...measured.map(({ name }) => name)]) +
    row(['---', ...measured.map(() => '---:')]) +
    names
      .map((name) => row([name, ...measured.map((one) => cell(figures[one.name]?.[name], pick))]))
      .join('');
  return `${machine}. Server on one core, load and upstream on the other; medians of ${rounds} rounds of ${seconds} s (4 s for W2c), in which all take turns after ${warmUpSeconds} s of warming up.

Requests per second:

${table(({ perSecond }) => perSecond)}
CPU, in milliseconds for 1,000 requests:

${table(({ cpuMsPerRequest }) => cpuMsPerRequest * 1000)}
Upstream calls for each request:

${table(({ upstreamPerRequest }) => upstreamPerRequest)}
Memory, in MiB:

${table(({ residentMebibytes }) => residentMebibytes)}
Goals, as ratios within one round:

| goal | wanted | found |
|---|---:|---:|
${goals(results)
  .map(({ what, least, most, value }) =>
    row([what, least === undefined ? `≤ ${most}` : `≥ ${least}`, format(value)]),
  )
  .join('')}`;
}

function cell(figures: readonly Figure[] | undefined, pick: (figure: Figure) => number): string {
  return figures === undefined ? '' : format(median(figures.map(pick)));
}

function format(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return 'not measured';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
