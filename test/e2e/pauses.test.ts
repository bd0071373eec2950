import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { entitlement, idOf, totalQuery } from '../support/ids.ts';
import { useLimitingUpstream } from '../support/limitingUpstream.ts';
import type { Process } from '../support/process.ts';
import { describeWithRedis } from '../support/redis.ts';

const gateways = useGatewayProcesses();
const upstream = useLimitingUpstream();

const limited = 'key-of-the-limited-tenant';
const other = 'key-of-the-other-tenant';
const questionsPerSecond = 200;
/** The share of the other tenant's questions. */
const otherShare = 0.1;
const retryAfterSeconds = 3;
/** The time that the processes have to learn of the 429. */
const noticeMs = 100;
/** On a machine that stands still for a moment, messages take longer. In each round no call may arrive later than this. */
const slowNoticeMs = 1000;
/** Rounding of two clocks to milliseconds. */
const roundingMs = 2;
const maxRounds = 5;

type Replica = { gateway: Process; url: string };

type Environment = { WEB_CONCURRENCY: string; REDIS_URL?: string };

/** Starts replicas that take the credentials of callers. Resolves when all of their workers are ready. */
async function startReplicas(count: number, environment: Environment): Promise<Replica[]> {
  const start = () =>
    gateways.start({
      AUTH_MODE: 'passthrough',
      ZENSKAR_API_KEY: '',
      ZENSKAR_ORGANISATION: '',
      ZENSKAR_URL: upstream.url(),
      ...environment,
    });
  const processes = Array.from({ length: count }, start);
  return Promise.all(
    processes.map(async (gateway) => ({ gateway, url: await findUrl(gateway, environment) })),
  );
}

async function findUrl(gateway: Process, { WEB_CONCURRENCY, REDIS_URL }: Environment): Promise<string> {
  const count = (line: RegExp) => countLines(gateway, line);
  const isReady = () =>
    count(/"msg":"started"/g) === Number(WEB_CONCURRENCY) &&
    (REDIS_URL === undefined || count(/"state":"up"[^\n]*"msg":"redisChanged"/g) >= Number(WEB_CONCURRENCY));
  await until(isReady);
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"[^\n]*"msg":"started"/);
  return url;
}

function countLines(gateway: Process, line: RegExp): number {
  return [...gateway.output().matchAll(line)].length;
}

// One connection per request, so that the workers of a replica take turns.
const agent = new Agent({ keepAlive: false });
let customers = 0;

/** Asks for a total that no cache has. Resolves to the body of the response, or to the reason for none. */
function ask(url: string, apiKey: string): Promise<string> {
  customers += 1;
  const variables = { entitlementId: entitlement, customerId: idOf(customers) };
  const { promise, resolve } = Promise.withResolvers<string>();
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey, organisation: 'organisation' };
  request(`${url}/graphql`, { method: 'POST', agent, headers }, async (response) =>
    resolve(Buffer.concat(await response.toArray()).toString()),
  )
    .on('error', (error) => resolve(String(error)))
    .end(JSON.stringify({ query: totalQuery, variables }));
  return promise;
}

/** Asks the replicas in turn, at an even rate. */
function startLoad(replicas: readonly Replica[]) {
  const answers: { apiKey: string; body: Promise<string> }[] = [];
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * questionsPerSecond) / 1000;
    while (answers.length < due) {
      const n = answers.length;
      const apiKey = (n + 1) % (1 / otherShare) === 0 ? other : limited;
      answers.push({ apiKey, body: ask(replicas[n % replicas.length]?.url ?? '', apiKey) });
    }
  }, 5);
  return async () => {
    clearInterval(timer);
    const ended = answers.map(async ({ apiKey, body }) => ({ apiKey, body: await body }));
    return Promise.all(ended);
  };
}

/** When calls of the limited and the other tenant arrived during the pause, in milliseconds after the 429. */
type Round = { late: number[]; others: number[] };

/** Lets the upstream limit the tenant once. */
async function runRound(processes: number): Promise<Round> {
  const connections = () =>
    new Set(
      upstream
        .callsOf(limited)
        .filter(({ atMs }) => atMs > performance.now() - 1000)
        .map(({ port }) => port),
    );
  // At an even rate, each process has called for the tenant by then.
  await until(() => connections().size >= processes);
  const limitedAtMs = await upstream.limitNext(limited, retryAfterSeconds);
  const endsAfterMs = retryAfterSeconds * 1000 - roundingMs;
  await sleep(retryAfterSeconds * 1000);
  // The pause ends by itself.
  await until(() => upstream.callsOf(limited).some(({ atMs }) => atMs > limitedAtMs + endsAfterMs));
  const duringPause = (apiKey: string) =>
    upstream
      .callsOf(apiKey)
      .map(({ atMs }) => atMs - limitedAtMs)
      .filter((afterMs) => afterMs > noticeMs && afterMs < endsAfterMs);
  return { late: duringPause(limited), others: duringPause(other) };
}

/**
 * The calls of a round must stop within `noticeMs`. A machine that stands still delays messages and calls, so further rounds
 * are allowed, of which each must keep to `slowNoticeMs`. Without shared pauses there is no such round: the other processes
 * go on with more than a hundred calls per second.
 */
async function expectOnePause(replicas: readonly Replica[], processes: number): Promise<void> {
  upstream.calls.length = 0;
  const stop = startLoad(replicas);
  const rounds = await runRounds(processes).finally(stop);
  expect(rounds.flatMap(({ late }) => late.filter((afterMs) => afterMs > slowNoticeMs))).toEqual([]);
  expect(rounds.at(-1)?.late).toEqual([]);
  const questions = questionsPerSecond * otherShare * retryAfterSeconds;
  for (const { others } of rounds) expect(others.length).toBeGreaterThan(questions / 3);
  const failures = (await stop()).filter(({ body }) => !body.includes('"quantity":1'));
  expect(failures.filter(({ apiKey }) => apiKey === other)).toEqual([]);
  expect(failures.filter(({ body }) => !body.includes('"UPSTREAM_RATE_LIMITED"'))).toEqual([]);
}

async function runRounds(processes: number): Promise<Round[]> {
  // Processes that have just started are slow.
  await until(() => upstream.callsOf(other).length >= 2 * questionsPerSecond * otherShare);
  const rounds: Round[] = [];
  while (rounds.length < maxRounds && rounds.at(-1)?.late.length !== 0)
    rounds.push(await runRound(processes));
  return rounds;
}

describeWithRedis('four replicas with two workers each on one Redis', { own: false }, (redis) => {
  it('make no call for a tenant from 100 ms after one 429 until its pause ends, at 200 questions per second; other tenants go on', async () => {
    const replicas = await startReplicas(4, { WEB_CONCURRENCY: '2', REDIS_URL: redis.url });
    await expectOnePause(replicas, 8);
  }, 180_000);
});

describe('three workers without Redis', () => {
  const environment = { WEB_CONCURRENCY: '3' };

  it('make no call for a tenant from 100 ms after one 429 until its pause ends, at 200 questions per second; other tenants go on', async () => {
    await expectOnePause(await startReplicas(1, environment), 3);
  }, 120_000);

  it('make no call for a tenant also after one of them was replaced during its pause', async () => {
    const [replica] = await startReplicas(1, environment);
    const { gateway, url } = replica as Replica;
    upstream.calls.length = 0;
    const asked = upstream.limitNext(limited, 60);
    void ask(url, limited);
    await asked;
    await until(() => countLines(gateway, /"msg":"upstreamPaused"/g) === 3);
    process.kill(Number(gateway.childPids()[0]), 'SIGKILL');
    await until(() => countLines(gateway, /"msg":"started"/g) === 4);
    const made = upstream.callsOf(limited).length;
    for (let n = 0; n < 9; n += 1) expect(await ask(url, limited)).toContain('"UPSTREAM_RATE_LIMITED"');
    expect(upstream.callsOf(limited)).toHaveLength(made);
    expect(await ask(url, other)).toContain('"quantity":1');
  }, 60_000);
});
