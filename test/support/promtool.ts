import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';

const execute = promisify(execFile);

const isInstalled = (() => {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

type Judgement = { isContent: boolean; output: string };

/** Runs promtool; returns its output and whether it found no problem. */
export function promtool(...args: string[]): Promise<Judgement> {
  return runPromtool('', args);
}

/** Checks metrics in the text format with promtool. */
export function checkMetrics(text: string): Promise<Judgement> {
  return runPromtool(text, ['check', 'metrics']);
}

async function runPromtool(input: string, args: readonly string[]): Promise<Judgement> {
  try {
    const running = execute('promtool', args);
    // A check of files ends without reading its input, which may be before it was written.
    running.child.stdin?.on('error', () => {}).end(input);
    const { stdout, stderr } = await running;
    return { isContent: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { isContent: false, output: stdout + stderr };
  }
}

/**
 * Like `describe`, for tests that need promtool. If it is not installed, the tests are skipped by name; with `CI=true`
 * that is a failure.
 */
export function describeWithPromtool(name: string, tests: () => void): void {
  // biome-ignore lint/style/noProcessEnv: the environment of the tests
  if (!isInstalled && process.env.CI === 'true') throw new Error('CI must have promtool on its PATH.');
  // The reason for skipping: promtool is not installed.
  const describeOrSkip = isInstalled ? describe : describe.skip;
  describeOrSkip(name, tests);
}
