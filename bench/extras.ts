import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Contestant, contestants, gateway, shipped } from './contestants.ts';
import { measureP99 } from './latency.ts';
import { runWrk, startServer, startUpstream } from './processes.ts';
import { type Entrant, race, warmUpSeconds } from './race.ts';
import { toLua, type Workload, workloads } from './workloads.ts';

export type Extras = {
  /** Requests per second with everything on, as a share of bare node:http. */
  everythingOn: number;
  /** Requests per second of two workers, as a multiple of one. */
  twoWorkers: number;
  /** Requests per second with 1 % of all operations traced, as a share of none, by workload. */
  traced: Record<string, number>;
  /** Milliseconds, at half of what it can do at most. */
  p99: Record<string, number>;
};

const rounds = 5;
const seconds = 1;
/** Totals are asked for anew after half a minute: the warm-up and all rounds of latency have to fit into that. */
const latencyRounds = 3;
const latencySeconds = 4;
const tracedWorkloads = ['W1', 'W2v', 'W3', 'W4v'];

/** What is not a matter of one contestant at one workload. */
export async function measureExtras(script: string): Promise<Extras> {
  const [w1, w2v, w4v] = ['W1', 'W2v', 'W4v'].map((name) => workloads.find((one) => one.name === name));
  if (!w1 || !w2v || !w4v) throw new Error('A workload is missing.');
  const bare = { contestant: contestants[0] as Contestant };
  const usual = { contestant: shipped };
  const issuer = await startIssuer();
  const collector = await listen('');
  const everything = gateway('everything', {
    AUTH_MODE: 'jwt',
    JWT_JWKS_URL: issuer.url,
    JWT_ISSUER: 'bench',
    JWT_AUDIENCE: 'bench',
    RATE_LIMIT_PER_MINUTE: '100000000',
    LOG_LEVEL: 'info',
  });
  const traced = gateway('traced', {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  });
  const two = gateway('two workers', { WEB_CONCURRENCY: '2' });
  /** How many times as much as the first the second does. */
  const compare = async (workload: Workload, pair: [Entrant, Entrant]) => {
    const [first = [], second = []] = await race(pair, { workload, script, rounds, seconds });
    return median(second.map(({ perSecond }, n) => perSecond / (first[n]?.perSecond ?? Number.NaN)));
  };
  try {
    const everythingOn = await compare(w1, [bare, { contestant: everything, token: issuer.token }]);
    const twoWorkers = await compare(w2v, [usual, { contestant: two, cpus: '0,1' }]);
    const tracing: Record<string, number> = {};
    for (const workload of workloads.filter(({ name }) => tracedWorkloads.includes(name)))
      tracing[workload.name] = await compare(workload, [usual, { contestant: traced }]);
    const p99 = { W1: await measureLatency(w1, script), W4v: await measureLatency(w4v, script) };
    return { everythingOn, twoWorkers, traced: tracing, p99 };
  } finally {
    issuer.stop();
    collector.stop();
  }
}

/** The 99th percentile at a constant rate, half of what is reached without one: the middle one of some rounds. */
async function measureLatency(workload: Workload, script: string): Promise<number> {
  const upstream = await startUpstream(workload.upstreamDelayMs);
  const server = await startServer({ ...shipped.make(upstream.url, ''), cpus: '0' });
  const { url } = server;
  const lua = toLua(workload, { idType: shipped.idType, base: 0 });
  try {
    writeFileSync(script, lua);
    await runWrk(url, script, warmUpSeconds);
    const { perSecond } = await runWrk(url, script, 3 * seconds);
    const load = { url, script, lua, perSecond: perSecond / 2, seconds: latencySeconds };
    const found: number[] = [];
    for (let round = 0; round < latencyRounds; round += 1) found.push(await measureP99(load, round));
    return median(found);
  } finally {
    await Promise.all([server.stop(), upstream.stop()]);
  }
}

async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256' };
  const server = await listen(JSON.stringify({ keys: [jwk] }));
  const token = await new SignJWT({ scope: 'entitlements:read:all', sub: 'bench' })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer('bench')
    .setAudience('bench')
    .setExpirationTime('1h')
    .sign(privateKey);
  return { ...server, token };
}

/** Answers everything with these words. */
async function listen(words: string) {
  const server = createServer((_, response) => response.end(words));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, stop: () => server.close().closeAllConnections() };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
