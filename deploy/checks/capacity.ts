const workloads = [
  ['W1', 1, 'one total that was asked for before, in the same words'],
  ['W2v', 50, '50 totals in one operation, all asked for before'],
  ['W3', 1, 'one total that nobody asked for before'],
  ['W4v', 50, '50 entities with one total each, as a router asks, all asked for before'],
] as const;
/** What a core should do by plan; the rest is for bursts, and for the time until another replica is there. */
const planned = 0.6;

/** The table of what one core can do, from the figures in docs/performance.md. */
export function toCapacityTable(performance: string): string {
  const rates = readRates(performance);
  const rows = workloads.map(([name, totals, what]) => {
    const most = rates.get(name) ?? 0;
    const plan = most * planned;
    return `| ${name} | ${what} | ${show(most)} | ${show(plan)} | ${show(plan * totals)} |`;
  });
  return [
    '| workload | what is asked | requests/s, at most | requests/s, by plan | totals/s, by plan |',
    '|---|---|---:|---:|---:|',
    ...rows,
  ].join('\n');
}

/** The gateway's own row in the table of requests per second, by workload. */
function readRates(performance: string): Map<string, number> {
  const [, table = ''] = /Requests per second:\n\n((?:\|.*\n)+)/.exec(performance) ?? [];
  const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  const header = rows[0] ?? [];
  const own = rows.find(([, name]) => name === 'the gateway') ?? [];
  return new Map(header.map((name, n) => [name, Number(own[n]?.replaceAll(',', ''))]));
}

/** Two digits are all that a plan can know. */
function show(rate: number): string {
  return Number(rate.toPrecision(2)).toLocaleString('en-GB');
}
