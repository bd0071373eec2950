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

/** Runs promtool; gives all it printed, and whether it was content. */
export async function promtool(...args: string[]): Promise<{ isContent: boolean; output: string }> {
  try {
    const { stdout, stderr } = await execute('promtool', args);
    return { isContent: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { isContent: false, output: stdout + stderr };
  }
}

/**
 * Like `describe`, with Prometheus's own promtool. Where there is none, the tests are skipped by name; with `CI=true`
 * that is a failure.
 */
export function describeWithPromtool(name: string, tests: () => void): void {
  // biome-ignore lint/style/noProcessEnv: set by whoever runs the tests
  if (!isInstalled && process.env.CI === 'true') throw new Error('CI must have promtool on its PATH.');
  // The reason for skipping: nothing to test with.
  const describeOrSkip = isInstalled ? describe : describe.skip;
  describeOrSkip(name, tests);
}
