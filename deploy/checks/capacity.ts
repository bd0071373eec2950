const workloads = [
  ['hot', 1, 'one hot total'],
  ['50-varied', 50, '50 hot totals in one operation'],
  ['cold', 1, 'one cold total'],
  ['50-entities-varied', 50, '50 entities with one hot total each, as a router requests them'],
] as const;
/** The planned share of a core's capacity; the rest is for bursts, and until another replica has started. */
const planned = 0.6;

/** The capacity of one core as a table, from the figures in docs/performance.md. */
export function toCapacityTable(performance: string): string {
  const rates = readRates(performance);
  const rows = workloads.map(([name, totals, what]) => {
    const most = rates.get(name) ?? 0;
    const plan = most * planned;
    return `| ${name} | ${what} | ${show(most)} | ${show(plan)} | ${show(plan * totals)} |`;
  });
  return [
    '| workload | operation | requests/s, maximum | requests/s, planned | totals/s, planned |',
    '|---|---|---:|---:|---:|',
    ...rows,
  ].join('\n');
}

/** The gateway's requests per second, by workload. */
function readRates(performance: string): Map<string, number> {
  const [, table = ''] = /### Requests per second\n\n((?:\|.*\n)+)/.exec(performance) ?? [];
  const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  const header = rows[0] ?? [];
  const own = rows.find(([, name]) => name === 'gateway') ?? [];
  return new Map(header.map((name, n) => [name, Number(own[n]?.replaceAll(',', ''))]));
}

/** Two significant digits: a plan is no more precise. */
function show(rate: number): string {
  return Number(rate.toPrecision(2)).toLocaleString('en-GB');
}
