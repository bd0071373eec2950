import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Contestant } from './contestants.ts';
import {
  cpuSeconds,
  idle,
  type Running,
  residentMebibytes,
  runWrk,
  startServer,
  startUpstream,
} from './processes.ts';
import { toLua, toSample, type Workload } from './workloads.ts';

/** What one round of one contestant came to. */
export type Figure = {
  perSecond: number;
  cpuMsPerRequest: number;
  residentMebibytes: number;
  upstreamPerRequest: number;
  startMs: number;
};

export type Entrant = { contestant: Contestant; cpus?: string; token?: string };
type Course = {
  workload: Workload;
  script: string;
  rounds: number;
  seconds: number;
  /** For a quick look; `warmUpSeconds` otherwise. */
  warmUp?: number;
};

/** V8 goes on making code faster for about as long. */
export const warmUpSeconds = 5;

/** Keeps the customers of all cold runs apart. */
let base = Math.floor(Date.now() / 1000) % 0xffffff;

/**
 * All of them take turns at one workload, after right answers and a warm-up: what else the machine does meanwhile hits them alike.
 * A row of figures for each, in order.
 */
export async function race(entrants: readonly Entrant[], course: Course): Promise<Figure[][]> {
  const { workload, script, rounds, seconds, warmUp = warmUpSeconds } = course;
  const upstream = await startUpstream(workload.upstreamDelayMs);
  const servers: Running[] = [];
  const run = ({ contestant: { idType }, token }: Entrant, url: string, length: number) => {
    base += 16;
    writeFileSync(script, toLua(workload, { idType, base, token }));
    return runWrk(url, script, length);
  };
  async function measure(entrant: Entrant, server: Running): Promise<Figure> {
    const calls = await upstreamCalls(upstream);
    const cpu = cpuSeconds(server.pid);
    const { perSecond, requests } = await run(entrant, server.url, seconds);
    const spent = cpuSeconds(server.pid) - cpu;
    await idle(server.pid);
    return {
      perSecond,
      cpuMsPerRequest: (spent * 1000) / requests,
      residentMebibytes: residentMebibytes(server.pid),
      upstreamPerRequest: ((await upstreamCalls(upstream)) - calls) / requests,
      startMs: server.startMs,
    };
  }
  try {
    for (const entrant of entrants) {
      const { contestant, cpus = '0' } = entrant;
      base += 16;
      const sample = toSample(workload, contestant.idType, base);
      const made = contestant.make(upstream.url, JSON.stringify(sample.answer));
      const server = await startServer({ ...made, cpus }, contestant.port);
      servers.push(server);
      await check(server.url, sample, entrant);
      await run(entrant, server.url, warmUp);
      await idle(server.pid);
    }
    const figures: Figure[][] = entrants.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [n, entrant] of entrants.entries())
        figures[n]?.push(await measure(entrant, servers[n] as Running));
    }
    return figures;
  } finally {
    await Promise.all([upstream, ...servers].map((one) => one.stop()));
  }
}

async function upstreamCalls({ url }: Running): Promise<number> {
  return Number(await (await fetch(`${url}/__requests`)).text());
}

/** Fails where the answer is not the right one. */
export async function check(
  url: string,
  sample: ReturnType<typeof toSample>,
  { contestant, token }: Entrant,
): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: sample.body });
  const answer: unknown = JSON.parse(await response.text());
  if (!isDeepStrictEqual(answer, sample.answer)) {
    throw new Error(`${contestant.name} answers wrongly: ${JSON.stringify(answer).slice(0, 500)}`);
  }
}
