import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { z } from 'zod';
import type { Config } from './config.ts';
import { createAdminListener, type Purge } from './http/admin.ts';
import { createConfiguredLog } from './telemetry/log.ts';
import { createSummedMetrics } from './telemetry/metrics.ts';

/** A worker that keeps dying is started no more often than this. */
const restartDelayMs = 1000;
/** A worker that is asked to forget and says nothing for so long counts as one that has not. */
const answerTimeoutMs = 5000;

const purgeTarget = z.object({ customerId: z.string(), entitlementId: z.string().optional() });
const purgeRequest = z.object({ purge: purgeTarget, number: z.number() });
const purgeReply = z.object({ number: z.number(), isDone: z.boolean() });

/**
 * Runs as many workers as the configuration says, which share the main port, and the one admin listener. Resolves to
 * the exit code, when it was told to stop and all workers have drained, or when one could not even start.
 */
export async function runWorkers(config: Config, stopping: Promise<void>): Promise<number> {
  const emit = createConfiguredLog(config);
  const failed = Promise.withResolvers<number>();
  const stop = new AbortController();

  function startWorker(): void {
    const worker = cluster.fork();
    let wasListening = false;
    worker.once('listening', () => {
      wasListening = true;
    });
    worker.once('exit', (code, signal) => {
      if (stop.signal.aborted) return;
      emit({ type: 'workerDied', pid: worker.process.pid, code, signal });
      if (!wasListening && code !== null && code !== 0) failed.resolve(code);
      else setTimeout(() => stop.signal.aborted || startWorker(), restartDelayMs);
    });
  }

  for (let n = 0; n < config.WEB_CONCURRENCY; n += 1) startWorker();
  const admin = createAdminListener({
    purge: purgeAll,
    readMetrics: createSummedMetrics(),
    config,
    emit,
    now: Date.now,
  });
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

async function purgeAll(target: z.output<typeof purgeTarget>): Promise<boolean> {
  const results = await Promise.all(workers().map((worker) => askToPurge(worker, target)));
  return results.every(Boolean);
}

function askToPurge(worker: Worker, target: z.output<typeof purgeTarget>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const number = Math.random();
  const timer = setTimeout(() => end(false), answerTimeoutMs);
  const onMessage = (message: unknown) => {
    const reply = purgeReply.safeParse(message);
    if (reply.success && reply.data.number === number) end(reply.data.isDone);
  };
  // One that dies takes what it should forget with it.
  const onExit = () => end(true);
  const end = (isDone: boolean) => {
    clearTimeout(timer);
    worker.off('message', onMessage).off('exit', onExit);
    resolve(isDone);
  };
  worker.on('message', onMessage).once('exit', onExit);
  // One whose channel is closed is about to die; without a callback its error would end the primary.
  worker.send({ purge: target, number }, undefined, (error) => {
    if (error !== null) end(!worker.isConnected());
  });
  return promise;
}

/** In a worker: forgets what the admin listener of the primary was asked to. */
export function obeyPurges(purge: Purge): void {
  process.on('message', async (message) => {
    const request = purgeRequest.safeParse(message);
    if (!request.success) return;
    const isDone = await purge(request.data.purge).catch(() => false);
    process.send?.({ number: request.data.number, isDone });
  });
}
