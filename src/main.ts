import cluster from 'node:cluster';
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { App } from './app.ts';
import { type Config, ConfigurationError, parseConfig } from './config/config.ts';

/** sysexits.h: EX_CONFIG. */
const configurationExitCode = 78;
const stderr = 2;
/** Signals that come closer together than this are one. */
const sameSignalMs = 500;

// On a machine with much memory V8 lets garbage pile up to several times of what is alive: half a gibibyte under a load of
// cold totals. With this the heap grows by three quarters at most between two collections (docs/decisions/0008).
setFlagsFromString('--heap-growing-percent=75');
// What outlived a collection while the process was young V8 keeps placing where it lives long, and there the parts of each
// request pile up. Without that, fifty totals in new words take a little more than half of the time.
setFlagsFromString('--no-allocation-site-pretenuring');

const parsed = parseConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (parsed.ok) {
  // Signals count from the first moment on: as the first process of a container it would otherwise be deaf to them.
  const stopping = Promise.withResolvers<void>();
  onStopSignal(stopping.resolve);
  const { config } = parsed;
  if (config.WEB_CONCURRENCY > 1 && cluster.isPrimary) await runPrimary(config, stopping.promise);
  else await run(config, stopping.promise);
} else {
  const problems = parsed.problems.map((problem) => `  - ${problem}\n`).join('');
  writeSync(stderr, `The configuration has problems:\n${problems}`);
  // The channel to its primary would keep a worker alive.
  process.exit(configurationExitCode);
}

function onStopSignal(stop: () => void): void {
  let askedAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    askedAtMs ??= performance.now();
    // Whoever asks twice does not want to wait. But npm hands on what the whole process group has heard already.
    if (performance.now() - askedAtMs > sameSignalMs) process.exit(128 + constants.signals[signal]);
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

async function runPrimary(config: Config, stopping: Promise<void>): Promise<void> {
  const { runWorkers } = await import('./workers.ts');
  process.exit(await runWorkers(config, stopping).catch(tellWhy));
}

async function run(config: Config, stopping: Promise<void>): Promise<void> {
  const app = await startOrExit(config);
  await stopping;
  await app.stop();
  process.exit(0);
}

async function startOrExit(config: Config): Promise<App> {
  try {
    // Loading takes the better part of the start.
    const { createApp } = await import('./app.ts');
    const app = await createApp(config, { isWorker: cluster.isWorker });
    if (cluster.isWorker) (await import('./workers.ts')).answerPrimary(app);
    await app.start();
    return app;
  } catch (error) {
    process.exit(tellWhy(error));
  }
}

/** Says why the gateway cannot start; gives the exit code. */
function tellWhy(error: unknown): number {
  writeSync(stderr, `The gateway cannot start: ${error instanceof Error ? error.message : error}\n`);
  return error instanceof ConfigurationError ? configurationExitCode : 1;
}
