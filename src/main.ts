import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { createApp } from './app.ts';
import { parseConfig } from './config.ts';

/** sysexits.h: EX_CONFIG. */
const configurationExitCode = 78;
const stderr = 2;

const parsed = parseConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (parsed.ok) {
  await run(createApp(parsed.config));
} else {
  writeSync(
    stderr,
    `The configuration has problems:\n${parsed.problems.map((problem) => `  - ${problem}\n`).join('')}`,
  );
  process.exitCode = configurationExitCode;
}

async function run(app: ReturnType<typeof createApp>): Promise<void> {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // Whoever asks twice does not want to wait.
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    void app.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    await app.start();
  } catch (error) {
    writeSync(stderr, `The gateway cannot start: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}
