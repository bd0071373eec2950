import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { findFreePort } from './freePort.ts';

// biome-ignore lint/style/noProcessEnv: set by the developer who runs the tests with another server, such as Valkey
const { REDIS_SERVER: program = 'redis-server' } = process.env;

export const isRedisInstalled = (() => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** A Redis, or several, for tests that neither start nor end it. */
export type TestRedis = {
  /** What REDIS_URL is set to. */
  url: string;
  keys: (pattern: string) => Promise<string[]>;
  /** Sends a command to all servers. */
  sendToAll: (...command: string[]) => Promise<unknown[]>;
  /** Sends a command to the server of this key. */
  send: (key: string, ...command: string[]) => Promise<unknown>;
};

export type RedisServer = TestRedis & {
  port: () => number;
  /** Resolves when it answers commands. */
  start: () => Promise<void>;
  /** Kills it as a crash would. It keeps its port and its files for the next start. */
  kill: () => Promise<void>;
  /** Stops it from answering without closing its connections; `resume` undoes it. */
  freeze: () => void;
  resume: () => void;
  /** Sends a command by a connection of its own, as the user `default`. */
  command: (...command: string[]) => Promise<unknown>;
  /** Kills it and deletes its files. */
  remove: () => Promise<void>;
};

/** `--name value` pairs of the configuration. With `tls`, it listens with TLS alone. */
type ServerOptions = { args?: readonly string[]; tls?: boolean };

/** A server on a free port of 127.0.0.1 without persistence; the port is chosen at its first start. */
export function createRedisServer({ args = [], tls = false }: ServerOptions = {}): RedisServer {
  let folder: string | undefined;
  let port = 0;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    port ||= await findFreePort();
    folder ??= mkdtempSync(join(tmpdir(), 'redis-'));
    redis.url = `redis${tls ? 's' : ''}://127.0.0.1:${port}`;
    const ports = tls ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`];
    const fixed = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--enable-debug-command', 'yes'];
    server = spawn(program, [...ports, ...fixed, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    server.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    while (!output.includes('Ready to accept connections')) {
      if (server.exitCode !== null) throw new Error(`${program} ended: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const closed = once(server, 'close');
    server.kill('SIGKILL');
    await closed;
  }

  const command = (...words: string[]) => sendTo(redis.url, words);
  const redis: RedisServer = {
    url: '',
    port: () => port,
    start,
    kill,
    freeze: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    command,
    keys: async (pattern) => (await command('KEYS', pattern)) as string[],
    sendToAll: async (...words) => [await command(...words)],
    send: (_, ...words) => command(...words),
    async remove() {
      await kill();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
  return redis;
}

/** Sends one command by a connection of its own. */
async function sendTo(url: string, command: readonly string[]): Promise<unknown> {
  const socket = url.startsWith('rediss:') ? ({ tls: true, rejectUnauthorized: false } as const) : {};
  const client = createClient({ url, socket });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.sendCommand([...command]);
  } finally {
    client.destroy();
  }
}
