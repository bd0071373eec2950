import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contestant, contestants } from './contestants.ts';
import { measureExtras, median } from './extras.ts';
import { race, warmUpSeconds } from './race.ts';
import { judge, type Results, report } from './report.ts';
import { type Workload, workloads } from './workloads.ts';

const options = {
  rounds: { type: 'string', default: '9' },
  seconds: { type: 'string', default: '1' },
  only: { type: 'string' },
  smoke: { type: 'boolean', default: false },
} as const;
const { values } = parseArgs({ options });
const rounds = values.smoke ? 3 : Number(values.rounds);
const seconds = values.smoke ? 1 : Number(values.seconds);
/** What is under way when a round ends counts for nothing, and 50 cold totals take up to a second. */
const lengthOf = ({ size, variety }: Workload) => seconds * (size > 1 && variety === 'cold' ? 4 : 1);
const smokeWorkloads = ['W1', 'W3', 'W4v'];
const smokeContestants = ['bare node:http', 'node:http + got', 'the gateway', 'Apollo, thin listener'];
const chosen = workloads.filter(({ name }) =>
  values.smoke ? smokeWorkloads.includes(name) : (values.only?.split(',').includes(name) ?? true),
);
const isChosen = ({ name, takes }: Contestant, workload: Workload) => {
  if (!takes(workload)) return false;
  if (!values.smoke) return true;
  return (
    smokeContestants.includes(name) && (name !== 'Apollo, thin listener' || workload.variety === 'varied')
  );
};

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const script = join(folder, 'wrk.lua');
const results: Results = { rounds, seconds, isSmoke: values.smoke, figures: {} };
try {
  for (const workload of chosen) {
    const runners = contestants.filter((one) => isChosen(one, workload));
    const course = {
      workload,
      script,
      rounds,
      seconds: lengthOf(workload),
      warmUp: values.smoke ? 2 : warmUpSeconds,
    };
    const figures = await race(
      runners.map((contestant) => ({ contestant })),
      course,
    );
    const named = runners.map(({ name }, n) => [name, figures[n] ?? []] as const);
    results.figures[workload.name] = Object.fromEntries(named);
    for (const [name, row] of named) {
      const middle = Math.round(median(row.map(({ perSecond }) => perSecond)));
      process.stdout.write(`${workload.name} ${name}: ${middle}/s\n`);
    }
  }
  if (!values.smoke && values.only === undefined) results.extras = await measureExtras(script);
} finally {
  rmSync(folder, { recursive: true });
}
if (values.smoke) {
  const judged = judge(results);
  for (const { text } of judged) process.stdout.write(`${text}\n`);
  process.exitCode = judged.length > 0 && judged.every(({ isNear }) => isNear) ? 0 : 1;
} else report(results, values.only === undefined);
