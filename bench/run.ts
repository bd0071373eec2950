import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type Contestant, contestants } from './contestants.ts';
import { measureExtras } from './extras.ts';
import { cpuSeconds, type Running, residentMebibytes, runWrk, startServer } from './processes.ts';
import { type Figure, judge, type Results, report } from './report.ts';
import { toLua, toSample, type Workload, workloads } from './workloads.ts';

const options = {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
  only: { type: 'string' },
  smoke: { type: 'boolean', default: false },
} as const;
const { values } = parseArgs({ options });
const rounds = values.smoke ? 2 : Number(values.rounds);
const seconds = values.smoke ? 2 : Number(values.seconds);
/** V8 goes on making code faster for about as long. */
const warmUpSeconds = values.smoke ? 2 : 4;
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
const running = new Set<Running>();
let base = Math.floor(Date.now() / 1000) % 0xffffff;

async function keep(started: Promise<Running>): Promise<Running> {
  const one = await started;
  running.add(one);
  return one;
}

async function end(one: Running): Promise<void> {
  running.delete(one);
  await one.stop();
}

/** One contestant at one workload: right answers first, then a warm-up, then the figure. */
async function measure(contestant: Contestant, workload: Workload): Promise<Figure> {
  const upstream = await keep(
    startServer({
      command: [process.execPath, new URL('upstream.ts', import.meta.url).pathname],
      cpus: '1',
      environment: { DELAY_MS: String(workload.upstreamDelayMs) },
    }),
  );
  base += 16;
  const sample = toSample(workload, contestant.idType, base);
  const made = contestant.make(upstream.url, JSON.stringify(sample.answer));
  const server = await keep(startServer({ ...made, cpus: '0' }, contestant.port));
  await check(server.url, sample, contestant.name);
  const runOnce = async (length: number) => {
    base += 16;
    writeFileSync(script, toLua(workload, { idType: contestant.idType, base }));
    return runWrk(server.url, script, length);
  };
  await runOnce(warmUpSeconds);
  const calls = await upstreamCalls(upstream);
  const cpu = cpuSeconds(server.pid);
  const { perSecond, requests } = await runOnce(lengthOf(workload));
  const figure = {
    perSecond,
    cpuMsPerRequest: ((cpuSeconds(server.pid) - cpu) * 1000) / requests,
    residentMebibytes: residentMebibytes(server.pid),
    upstreamPerRequest: ((await upstreamCalls(upstream)) - calls) / requests,
    startMs: server.startMs,
  };
  await end(server);
  await end(upstream);
  return figure;
}

async function upstreamCalls({ url }: Running): Promise<number> {
  return Number(await (await fetch(`${url}/__requests`)).text());
}

async function check(url: string, sample: ReturnType<typeof toSample>, name: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: sample.body });
  const answer: unknown = await response.json();
  if (!isDeepStrictEqual(answer, sample.answer)) {
    throw new Error(`${name} answers wrongly: ${JSON.stringify(answer).slice(0, 500)}`);
  }
}

const results: Results = { rounds, seconds, isSmoke: values.smoke, figures: {} };
try {
  for (const workload of chosen) {
    for (let round = 0; round < rounds; round += 1) {
      for (const contestant of contestants.filter((one) => isChosen(one, workload))) {
        const figure = await measure(contestant, workload);
        const row = results.figures[workload.name] ?? {};
        row[contestant.name] = [...(row[contestant.name] ?? []), figure];
        results.figures[workload.name] = row;
        process.stdout.write(`${workload.name} ${contestant.name}: ${Math.round(figure.perSecond)}/s\n`);
      }
    }
  }
  if (!values.smoke && values.only === undefined) results.extras = await measureExtras(folder);
} finally {
  await Promise.all([...running].map((one) => one.stop()));
  rmSync(folder, { recursive: true });
}
if (values.smoke) process.exitCode = judge(results) ? 0 : 1;
else report(results, values.only === undefined);
