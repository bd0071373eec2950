import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { z } from 'zod';
import { systemClock } from './clock.ts';
import type { ValidConfig } from './config/config.ts';
import { createAdminListener, type Purge } from './http/admin.ts';
import { createConfiguredLog } from './telemetry/log.ts';
import type { Samples } from './telemetry/metrics.ts';
import { logNodeWarnings } from './telemetry/nodeWarnings.ts';
import { createWorkerMetrics } from './telemetry/workerMetrics.ts';
import { type PurgeTarget, purgeTarget } from './totals/purges.ts';
import { createPauseRelay } from './workerPauses.ts';

/** The time before a worker that has died is replaced. */
const restartDelayMs = 1000;
/** A worker that does not confirm a purge within this time counts as failed. */
const purgeTimeoutMs = 5000;
/** Far below the scrape timeout of Prometheus, 10 s by default. */
const samplesTimeoutMs = 1000;

const workerRequest = z.discriminatedUnion('type', [
  z.object({ type: z.literal('purge'), target: purgeTarget, id: z.number() }),
  z.object({ type: z.literal('samples'), id: z.number() }),
]);
const workerReply = z.object({ id: z.number(), result: z.unknown() });

type WorkerRequest = { type: 'purge'; target: PurgeTarget } | { type: 'samples' };

/**
 * Runs the configured number of workers, which share the main port, and one admin listener. Resolves to the exit code once
 * all workers have drained after a stop, or once a worker failed to start before any worker has listened.
 */
export async function runWorkers(
  { config, warnings }: ValidConfig,
  stopping: Promise<void>,
): Promise<number> {
  const metrics = createWorkerMetrics();
  const pauses = createPauseRelay(systemClock.monotonic);
  const emit = createConfiguredLog(config, { onDrop: metrics.countDroppedLine });
  logNodeWarnings(emit);
  const failed = Promise.withResolvers<number>();
  const stop = new AbortController();
  // After that a worker that cannot start is retried: ending the gateway would stop the workers that listen.
  let hasListened = false;
  cluster.once('listening', () => {
    hasListened = true;
  });

  function startWorker(): void {
    const worker = cluster.fork();
    // A broken channel to the worker; its exit follows.
    worker.on('error', () => {});
    worker.on('message', (message) => pauses.receive(message, worker));
    worker.once('exit', (code, signal) => {
      metrics.remove(worker.id);
      pauses.remove(worker);
      if (stop.signal.aborted) return;
      emit({ type: 'workerDied', pid: worker.process.pid, code, signal });
      if (!hasListened && code !== null && code !== 0) failed.resolve(code);
      else setTimeout(() => stop.signal.aborted || startWorker(), restartDelayMs);
    });
  }

  async function readMetrics() {
    await Promise.all(
      workers().map(async (worker) => {
        const samples = await requestFrom(worker, { type: 'samples' }, samplesTimeoutMs);
        // The sum has already taken in a worker that died meanwhile.
        if (Array.isArray(samples) && !worker.isDead()) metrics.update(worker.id, samples as Samples);
      }),
    );
    return metrics.read();
  }

  for (let n = 0; n < config.WEB_CONCURRENCY; n += 1) startWorker();
  const purge = (target: PurgeTarget) => purgeAll(target, config.REDIS_URL !== undefined);
  const admin = createAdminListener({ purge, readMetrics, config, emit, ...systemClock });
  const adminUrl = await admin.start();
  for (const reason of warnings) emit({ type: 'variableIgnored', reason });
  emit({ type: 'workersStarted', workers: config.WEB_CONCURRENCY, adminUrl });
  const exitCode = await Promise.race([failed.promise, stopping.then(() => 0)]);
  stop.abort();
  await Promise.all([admin.stop(), ...workers().map(stopWorker)]);
  return exitCode;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function stopWorker(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit');
  worker.process.kill('SIGTERM');
  await exited;
}

/** A worker that has died counts as purged: its memory is gone. But with Redis, one of them must have stored the purge there. */
async function purgeAll(target: PurgeTarget, isShared: boolean): Promise<boolean> {
  const purges = workers().map(async (worker) => {
    const result = await requestFrom(worker, { type: 'purge', target }, purgeTimeoutMs);
    return result === undefined && !worker.isConnected() ? 'dead' : result === true;
  });
  const results = await Promise.all(purges);
  return !results.includes(false) && (!isShared || results.includes(true));
}

/** Resolves to the worker's result; to undefined if it does not reply in time, or dies. */
function requestFrom(worker: Worker, request: WorkerRequest, timeoutMs: number): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const id = Math.random();
  const timer = setTimeout(() => settle(undefined), timeoutMs);
  const onMessage = (message: unknown) => {
    const reply = workerReply.safeParse(message);
    if (reply.success && reply.data.id === id) settle(reply.data.result);
  };
  const onExit = () => settle(undefined);
  const settle = (result: unknown) => {
    clearTimeout(timer);
    worker.off('message', onMessage).off('exit', onExit);
    resolve(result);
  };
  worker.on('message', onMessage).once('exit', onExit);
  // Without a callback, sending to a worker whose channel is closed would end the primary with an error.
  worker.send({ ...request, id }, undefined, (error) => {
    if (error !== null) settle(undefined);
  });
  return promise;
}

type WorkerHandlers = { purge: Purge; readSamples: () => Promise<Samples> };

/** In a worker: handles the requests of the primary, which come in at its admin listener. */
export function answerPrimary({ purge, readSamples }: WorkerHandlers): void {
  process.on('message', async (message) => {
    const parsed = workerRequest.safeParse(message);
    if (!parsed.success) return;
    const request = parsed.data;
    const result =
      request.type === 'purge'
        ? await purge(request.target).catch(() => false)
        : await readSamples().catch(() => undefined);
    process.send?.({ id: request.id, result });
  });
}
