import cluster from 'node:cluster';
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { App } from './app.ts';
import { ConfigurationError, parseConfig, type ValidConfig } from './config/config.ts';
import { describeOutdatedNode } from './config/nodeVersion.ts';
import { logNodeWarnings } from './telemetry/nodeWarnings.ts';

/** sysexits.h: EX_CONFIG. */
const configurationExitCode = 78;
const stderr = 2;
/** Signals within this time count as one: npm forwards a signal that the whole process group has received already. */
const sameSignalMs = 500;

// V8 sizes the heap by the machine's memory: under cold totals it would keep 540 MiB, of which a third is alive. With this
// flag it grows by 75 % at most between two collections (docs/decisions/0008).
setFlagsFromString('--heap-growing-percent=75');
// V8 allocates objects among the old ones if their code made long-lived objects during the start. Objects of requests would
// pile up there: a request for 50 cached entities with new variables would take 205 µs, not 115 µs (docs/decisions/0008).
setFlagsFromString('--no-allocation-site-pretenuring');

const parsed = parseConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (parsed.ok) {
  // Handled from the beginning: the first process of a container ignores signals without a handler.
  const stopping = Promise.withResolvers<void>();
  onStopSignal(stopping.resolve);
  if (cluster.isPrimary) warnAboutOutdatedNode();
  if (parsed.config.WEB_CONCURRENCY > 1 && cluster.isPrimary) await runPrimary(parsed, stopping.promise);
  else await runGateway(parsed, stopping.promise);
} else {
  const problems = parsed.problems.map((problem) => `  - ${problem}\n`).join('');
  writeSync(stderr, `The configuration has problems:\n${problems}`);
  // A worker would stay alive by its channel to the primary.
  process.exit(configurationExitCode);
}

/** Stops on the first SIGTERM or SIGINT and exits at once on a second one. */
function onStopSignal(stop: () => void): void {
  let firstSignalAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    firstSignalAtMs ??= performance.now();
    if (performance.now() - firstSignalAtMs > sameSignalMs) process.exit(128 + constants.signals[signal]);
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

/** On stderr, because the log on stdout is JSON lines of the gateway's own events. */
function warnAboutOutdatedNode(): void {
  const warning = describeOutdatedNode(process.versions.node);
  if (warning !== undefined) writeSync(stderr, `${warning}\n`);
}

async function runPrimary(valid: ValidConfig, stopping: Promise<void>): Promise<void> {
  const { runWorkers } = await import('./workers.ts');
  process.exit(await runWorkers(valid, stopping).catch(reportStartupError));
}

async function runGateway(valid: ValidConfig, stopping: Promise<void>): Promise<void> {
  const app = await startOrExit(valid);
  await stopping;
  await app.stop();
  process.exit(0);
}

async function startOrExit({ config, warnings }: ValidConfig): Promise<App> {
  try {
    // Imported late, so that configuration errors are reported before the larger part of the start.
    const { createApp } = await import('./app.ts');
    const { isWorker } = cluster;
    const primary = isWorker ? (await import('./workerPauses.ts')).createWorkerPauses() : undefined;
    // The primary has logged the warnings.
    const app = await createApp(config, { primary, warnings: isWorker ? [] : warnings });
    logNodeWarnings(app.emit);
    if (isWorker) (await import('./workers.ts')).answerPrimary(app);
    await app.start();
    return app;
  } catch (error) {
    process.exit(reportStartupError(error));
  }
}

/** Returns the exit code. */
function reportStartupError(error: unknown): number {
  writeSync(stderr, `The gateway cannot start: ${error instanceof Error ? error.message : error}\n`);
  return error instanceof ConfigurationError ? configurationExitCode : 1;
}
