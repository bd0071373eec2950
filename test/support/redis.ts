import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { findFreePort } from './freePort.ts';

export type PrivateRedis = {
  url: string;
  start: () => Promise<void>;
  /** Kills it as a crash would. */
  kill: () => Promise<void>;
  /** Stops it from answering without closing its connections; `resume` undoes it. */
  freeze: () => void;
  resume: () => void;
};

const isInstalled = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

type Needs = { /** Whether the tests kill and freeze it, so that it must not be shared. */ own: boolean };

/**
 * Like `describe`, with a Redis: a private one, or that of `REDIS_URL` if none is installed. Without either, the tests are
 * skipped by name; with `CI=true` that is a failure.
 */
export function describeWithRedis(name: string, { own }: Needs, tests: (redis: PrivateRedis) => void): void {
  // biome-ignore lint/style/noProcessEnv: set by the developer or CI that runs the tests
  const { CI, REDIS_URL } = process.env;
  const shared = own ? undefined : REDIS_URL;
  if (!isInstalled && !shared && CI === 'true') throw new Error('CI must have redis-server on its PATH.');
  const describeOrSkip = isInstalled || shared ? describe : describe.skip;
  describeOrSkip(name, () => {
    const redis = createPrivateRedis();
    if (!isInstalled && shared) redis.url = shared;
    else {
      beforeAll(async () => {
        redis.url = `redis://127.0.0.1:${await findFreePort()}`;
        await redis.start();
      });
      afterAll(() => redis.kill());
    }
    tests(redis);
  });
}

function createPrivateRedis(): PrivateRedis {
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const port = new URL(redis.url).port;
    const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    server.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    while (!output.includes('Ready to accept connections')) {
      if (server.exitCode !== null) throw new Error(`redis-server ended: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const closed = once(server, 'close');
    server.kill('SIGKILL');
    await closed;
  }

  const redis: PrivateRedis = {
    url: '',
    start,
    kill,
    freeze: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
  };
  return redis;
}
