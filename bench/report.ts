import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { type Goal, goals, median, perCpuSecond, perSecond, type Results } from './goals.ts';
import type { Measurement } from './throughput.ts';
import { workloads } from './workloads.ts';

const marker = '<!-- results -->';

/** Keeps the results in `results/latest.json`. */
export function save(results: Results): void {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  const file = new URL('results/latest.json', import.meta.url);
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
}

/** Replaces the results in docs/performance.md. */
export function writePage(results: Results): void {
  const page = new URL('../docs/performance.md', import.meta.url);
  const [head = ''] = readFileSync(page, 'utf8').split(marker);
  writeFileSync(page, `${head}${marker}\n\n${toMarkdown(results)}`);
}

export function toMarkdown(results: Results): string {
  const { rounds, seconds } = results;
  const table = (pick: (measurement: Measurement) => number) => toTable(results, pick);
  const [cpu] = cpus();
  return `Measured on ${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}: medians of ${rounds} rounds of ${seconds} s (50-cold: ${4 * seconds} s).

### Goals

| goal | wanted | found | met | by CPU time |
|---|---:|---:|---|---:|
${goals.map((goal) => toGoalRow(goal, results)).join('')}
### Requests per second

${table(perSecond)}
### CPU time of 1,000 requests, in milliseconds

${table(({ cpuMsPerRequest }) => cpuMsPerRequest * 1000)}
### Share of its core that the server used

${table((one) => one.perSecond / perCpuSecond(one))}
### Upstream calls per request

${table(({ upstreamCallsPerRequest }) => upstreamCallsPerRequest)}
### Resident memory after the load, in MiB

${table(({ residentMebibytes }) => residentMebibytes)}`;
}

function toGoalRow({ name, atLeast, atMost, read }: Goal, results: Results): string {
  const value = read(results, { summarize: median, rate: perSecond });
  if (value === undefined) return '';
  const found = format(value);
  if (atMost !== undefined) return toRow([name, `≤ ${format(atMost)}`, found, toWord(value <= atMost), '']);
  const byCpuTime = format(read(results, { summarize: median, rate: perCpuSecond }) ?? Number.NaN);
  if (atLeast === undefined) return toRow([name, '', found, '', byCpuTime]);
  return toRow([name, `≥ ${atLeast}`, found, toWord(value >= atLeast), byCpuTime]);
}

const toWord = (isMet: boolean) => (isMet ? 'yes' : '**no**');

/** One row per contestant, one column per workload. */
function toTable({ throughput }: Results, pick: (measurement: Measurement) => number): string {
  const columns = workloads.map(({ name }) => name).filter((name) => throughput[name] !== undefined);
  const contestants = [...new Set(Object.values(throughput).flatMap(Object.keys))];
  const toCell = (measurements: readonly Measurement[] = []) =>
    measurements.length === 0 ? '' : format(median(measurements.map(pick)));
  const rows = contestants.map((name) =>
    toRow([name, ...columns.map((column) => toCell(throughput[column]?.[name]))]),
  );
  return toRow(['', ...columns]) + toRow(['---', ...columns.map(() => '---:')]) + rows.join('');
}

const toRow = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;

function format(value: number): string {
  if (Number.isNaN(value)) return 'not measured';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
