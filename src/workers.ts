import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { z } from 'zod';
import type { Config } from './config/config.ts';
import { createAdminListener, type Purge } from './http/admin.ts';
import { createConfiguredLog } from './telemetry/log.ts';
import type { Samples } from './telemetry/metrics.ts';
import { createWorkerMetrics } from './telemetry/workerMetrics.ts';

/** A worker that keeps dying is started no more often than this. */
const restartDelayMs = 1000;
/** A worker that does not confirm a purge within this time counts as one that failed. */
const purgeTimeoutMs = 5000;
/** Prometheus gives up a scrape after ten seconds by default. */
const samplesTimeoutMs = 1000;

const purgeTarget = z.object({ customerId: z.string(), entitlementId: z.string().optional() });
const question = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('purge'), target: purgeTarget, number: z.number() }),
  z.object({ ask: z.literal('samples'), number: z.number() }),
]);
const reply = z.object({ number: z.number(), answer: z.unknown() });

type Question = { ask: 'purge'; target: z.output<typeof purgeTarget> } | { ask: 'samples' };

/**
 * Runs the configured number of workers, which share the main port, and the only admin listener. Resolves to the exit
 * code when all workers have drained after `stopping`, or when a worker fails to start before any has listened.
 */
export async function runWorkers(config: Config, stopping: Promise<void>): Promise<number> {
  const metrics = createWorkerMetrics();
  const emit = createConfiguredLog(config, { onDrop: metrics.countDroppedLine });
  const failed = Promise.withResolvers<number>();
  const stop = new AbortController();
  // Once a worker has listened, the configuration is valid, and one that cannot start must not stop the others.
  let hasListened = false;
  cluster.once('listening', () => {
    hasListened = true;
  });

  function startWorker(): void {
    const worker = cluster.fork();
    // The error of a broken channel; the exit event of the worker follows.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => {
      metrics.remove(worker.id);
      if (stop.signal.aborted) return;
      emit({ type: 'workerDied', pid: worker.process.pid, code, signal });
      if (!hasListened && code !== null && code !== 0) failed.resolve(code);
      else setTimeout(() => stop.signal.aborted || startWorker(), restartDelayMs);
    });
  }

  async function readMetrics() {
    await Promise.all(
      workers().map(async (worker) => {
        const samples = await askWorker(worker, { ask: 'samples' }, samplesTimeoutMs);
        // A worker that has died meanwhile is removed already.
        if (Array.isArray(samples) && !worker.isDead()) metrics.update(worker.id, samples as Samples);
      }),
    );
    return metrics.read();
  }

  for (let n = 0; n < config.WEB_CONCURRENCY; n += 1) startWorker();
  const admin = createAdminListener({ purge: purgeAll, readMetrics, config, emit, now: Date.now });
  const adminUrl = await admin.start();
  emit({ type: 'workersStarted', workers: config.WEB_CONCURRENCY, adminUrl });
  const code = await Promise.race([failed.promise, stopping.then(() => 0)]);
  stop.abort();
  await Promise.all([admin.stop(), ...workers().map(stopWorker)]);
  return code;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function stopWorker(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit');
  worker.process.kill('SIGTERM');
  await exited;
}

/** Resolves to false if a worker did not confirm; a worker that dies loses its entries anyway. */
async function purgeAll(target: z.output<typeof purgeTarget>): Promise<boolean> {
  const asked = workers().map(async (worker) => {
    const answer = await askWorker(worker, { ask: 'purge', target }, purgeTimeoutMs);
    return answer === true || !worker.isConnected();
  });
  return (await Promise.all(asked)).every(Boolean);
}

/** The worker's reply; undefined if it sends none in time or dies. */
function askWorker(worker: Worker, asked: Question, timeoutMs: number): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const number = Math.random();
  const timer = setTimeout(() => end(undefined), timeoutMs);
  const onMessage = (message: unknown) => {
    const given = reply.safeParse(message);
    if (given.success && given.data.number === number) end(given.data.answer);
  };
  const onExit = () => end(undefined);
  const end = (answer: unknown) => {
    clearTimeout(timer);
    worker.off('message', onMessage).off('exit', onExit);
    resolve(answer);
  };
  worker.on('message', onMessage).once('exit', onExit);
  // A worker with a closed channel is about to die; without a callback its error would end the primary.
  worker.send({ ...asked, number }, undefined, (error) => {
    if (error !== null) end(undefined);
  });
  return promise;
}

type Answering = { purge: Purge; readSamples: () => Promise<Samples> };

/** In a worker: answers the questions of the primary's admin listener. */
export function answerPrimary({ purge, readSamples }: Answering): void {
  process.on('message', async (message) => {
    const asked = question.safeParse(message);
    if (!asked.success) return;
    const { number } = asked.data;
    const answer =
      asked.data.ask === 'purge'
        ? await purge(asked.data.target).catch(() => false)
        : await readSamples().catch(() => undefined);
    process.send?.({ number, answer });
  });
}
