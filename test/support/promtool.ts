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

/** Runs promtool; gives all it printed, and whether it was content. */
export function promtool(...args: string[]): Promise<Judgement> {
  return judge('', args);
}

/** What promtool has to say of metrics in the text format. */
export function checkMetrics(text: string): Promise<Judgement> {
  return judge(text, ['check', 'metrics']);
}

async function judge(input: string, args: readonly string[]): Promise<Judgement> {
  try {
    const running = execute('promtool', args);
    running.child.stdin?.end(input);
    const { stdout, stderr } = await running;
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
