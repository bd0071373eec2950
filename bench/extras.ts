import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Contestant, contestants, gateway, shipped } from './contestants.ts';
import { measureP99 } from './latency.ts';
import { runWrk, startServer } from './processes.ts';
import { toLua, toSample, type Workload, workloads } from './workloads.ts';

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

const rounds = 3;
const seconds = 3;
const warmUpSeconds = 4;
/** Totals are asked for anew after half a minute: all rounds of latency fit into that. */
const latencySeconds = 4;
const tracedWorkloads = ['W1', 'W2v', 'W3', 'W4v'];

/** What is not a matter of one contestant at one workload. */
export async function measureExtras(folder: string): Promise<Extras> {
  const [w1, w2v, w4v] = ['W1', 'W2v', 'W4v'].map((name) => workloads.find((one) => one.name === name));
  if (!w1 || !w2v || !w4v) throw new Error('A workload is missing.');
  const script = join(folder, 'extra.lua');
  const bare = contestants[0] as Contestant;
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
  const run = (contestant: Contestant, workload: Workload, rest: Partial<Manner> = {}) =>
    saturate(contestant, { workload, script, cpus: '0', token: undefined, ...rest });
  try {
    const shares: number[] = [];
    const multiples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const most = await run(bare, w1);
      shares.push((await run(everything, w1, { token: issuer.token })) / most);
      const one = await run(shipped, w2v);
      multiples.push((await run(two, w2v, { cpus: '0,1' })) / one);
    }
    const tracing: Record<string, number> = {};
    for (const workload of workloads.filter(({ name }) => tracedWorkloads.includes(name))) {
      const pairs: number[] = [];
      for (let round = 0; round < rounds; round += 1)
        pairs.push((await run(traced, workload)) / (await run(shipped, workload)));
      tracing[workload.name] = median(pairs);
    }
    const p99 = { W1: await measureLatency(w1, script), W4v: await measureLatency(w4v, script) };
    return { everythingOn: median(shares), twoWorkers: median(multiples), traced: tracing, p99 };
  } finally {
    issuer.stop();
    collector.stop();
  }
}

type Manner = { workload: Workload; script: string; cpus: string; token: string | undefined };

async function saturate(contestant: Contestant, { workload, script, cpus, token }: Manner): Promise<number> {
  const upstream = await startUpstream();
  const { answer } = toSample(workload, contestant.idType, 0);
  const server = await startServer({ ...contestant.make(upstream.url, JSON.stringify(answer)), cpus });
  const runOnce = (base: number, length: number) => {
    writeFileSync(script, toLua(workload, { idType: contestant.idType, base, token }));
    return runWrk(server.url, script, length);
  };
  await runOnce(0, warmUpSeconds);
  const { perSecond } = await runOnce(1, seconds);
  await Promise.all([server.stop(), upstream.stop()]);
  return perSecond;
}

/** The 99th percentile at a constant rate, half of what is reached without one: the middle one of some rounds. */
async function measureLatency(workload: Workload, script: string): Promise<number> {
  const upstream = await startUpstream();
  const server = await startServer({ ...shipped.make(upstream.url, ''), cpus: '0' });
  const lua = toLua(workload, { idType: shipped.idType, base: 0 });
  writeFileSync(script, lua);
  await runWrk(server.url, script, 2 * warmUpSeconds);
  const { perSecond } = await runWrk(server.url, script, seconds);
  const load = { url: server.url, script, lua, perSecond: perSecond / 2, seconds: latencySeconds };
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) found.push(await measureP99(load));
  await Promise.all([server.stop(), upstream.stop()]);
  return median(found);
}

function startUpstream() {
  const command = [process.execPath, new URL('upstream.ts', import.meta.url).pathname];
  return startServer({ command, cpus: '1', environment: {} });
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
