import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Contestant } from './contestants.ts';
import {
  cpuSeconds,
  type Running,
  residentMebibytes,
  startServer,
  startUpstream,
  waitUntilIdle,
  wrk,
} from './processes.ts';
import { type Sample, toLua, toSample, type Workload } from './workloads.ts';

/** What one round measured of one contestant. */
export type Measurement = {
  perSecond: number;
  cpuMsPerRequest: number;
  residentMebibytes: number;
  upstreamCallsPerRequest: number;
  startMs: number;
};

export type Settings = {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  /** For files that are not kept. */
  folder: string;
  /** The file descriptor that the logs of all contestants go to. */
  log: number;
  /** A number that no earlier call returned, in this run or another. */
  nextSeries: () => number;
};

const msBetweenSamples = 100;

/**
 * Runs all contestants side by side and loads them in turns, so that other work on the machine affects them alike. Returns the
 * measurements of each contestant, one per round.
 */
export async function measureThroughput(
  workload: Workload,
  contestants: readonly Contestant[],
  settings: Settings,
): Promise<Measurement[][]> {
  const upstream = await startUpstream(workload.upstreamDelayMs);
  const servers: Running[] = [];
  try {
    for (const contestant of contestants) {
      const server = await startContestant(contestant, workload, { settings, upstream });
      servers.push(server);
      const sample = toSample(workload, contestant.idType, settings.nextSeries());
      await checkAnswer(contestant.name, server.url, sample);
      await load(contestant, workload, { settings, server, seconds: settings.warmUpSeconds });
      await waitUntilIdle(server.pid);
    }
    const measurements: Measurement[][] = contestants.map(() => []);
    for (let round = 0; round < settings.rounds; round += 1) {
      const turns = [...contestants.entries()];
      // Every second round goes backwards: what drifts over a round hits the first and the last alike.
      for (const [n, contestant] of round % 2 === 0 ? turns : turns.reverse()) {
        const server = servers[n] as Running;
        measurements[n]?.push(await measure(contestant, workload, { settings, server, upstream }));
      }
    }
    return measurements;
  } finally {
    await Promise.all([upstream, ...servers].map((server) => server.stop()));
  }
}

export function startContestant(
  { toCommand }: Contestant,
  workload: Workload,
  { settings, upstream }: { settings: Settings; upstream: Running },
): Promise<Running> {
  const { answer } = toSample(workload, '', 0);
  return startServer(toCommand(upstream.url, JSON.stringify(answer)), settings.log);
}

async function measure(
  contestant: Contestant,
  workload: Workload,
  { settings, server, upstream }: { settings: Settings; server: Running; upstream: Running },
): Promise<Measurement> {
  const callsBefore = await countUpstreamCalls(upstream);
  const cpuBefore = cpuSeconds(server.pid);
  // What is in flight when the load ends does not count, and 50 cold totals take up to a second.
  const seconds = settings.seconds * (workload.name === '50-cold' ? 4 : 1);
  const { perSecond, requests } = await load(contestant, workload, { settings, server, seconds });
  const cpu = cpuSeconds(server.pid) - cpuBefore;
  await waitUntilIdle(server.pid);
  const calls = (await countUpstreamCalls(upstream)) - callsBefore;
  return {
    perSecond,
    cpuMsPerRequest: (cpu * 1000) / requests,
    residentMebibytes: residentMebibytes(server.pid),
    upstreamCallsPerRequest: calls / requests,
    startMs: server.startMs,
  };
}

/** Loads a server as much as it takes. wrk checks the status of each response; complete answers are checked meanwhile, ten a second. */
export async function load(
  { name, idType }: Contestant,
  workload: Workload,
  { settings, server, seconds }: { settings: Settings; server: Running; seconds: number },
): Promise<{ perSecond: number; requests: number }> {
  const script = join(settings.folder, 'load.lua');
  writeFileSync(script, toLua(workload, idType, settings.nextSeries()));
  let isLoaded = true;
  const loading = wrk(server.url, script, ['-t1', '-c32', `-d${seconds}`]).finally(() => {
    isLoaded = false;
  });
  const checking = async () => {
    while (isLoaded) {
      await checkAnswer(name, server.url, toSample(workload, idType, settings.nextSeries()));
      await delay(msBetweenSamples);
    }
  };
  const [printed] = await Promise.all([loading, checking()]);
  const requests = Number(/(\d+) requests in/.exec(printed)?.[1]);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]), requests };
}

async function countUpstreamCalls({ url }: Running): Promise<number> {
  return Number(await (await fetch(`${url}/__requests`)).text());
}

/** Rejects if the answer is not the right one. */
export async function checkAnswer(name: string, url: string, { body, answer }: Sample): Promise<void> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200 || !isDeepStrictEqual(JSON.parse(text), answer))
    throw new Error(`${name} answers wrongly: ${response.status} ${text.slice(0, 500)}`);
}
