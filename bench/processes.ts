import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ticksPerSecond = 100;
/** The server under load has one core; the load, the upstream and the reader of the logs share the other. */
export const serverCpu = '0';
const loadCpu = '1';

export type Running = { pid: number; url: string; startMs: number; stop: () => Promise<void> };

export type Command = {
  command: readonly string[];
  environment: Record<string, string>;
  cwd?: string;
  cpus?: string;
  /** For a server that does not take its port from PORT. */
  port?: number;
};

/** Starts a server on a free port; resolves when it answers. Its log goes to the file descriptor `log`. */
export async function startServer(server: Command, log: number | 'ignore'): Promise<Running> {
  const { command, environment, cwd, cpus = serverCpu, port = await findFreePort() } = server;
  const startedMs = performance.now();
  const child = spawn('taskset', ['-c', cpus, ...command], {
    env: { PATH: process.env.PATH, PORT: String(port), NODE_ENV: 'production', ...environment },
    stdio: ['ignore', log, 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isAnswering(url))) {
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended: ${errors}`);
    if (performance.now() - startedMs > 30_000)
      throw new Error(`${command.join(' ')} does not answer: ${errors}`);
  }
  return { pid: child.pid ?? 0, url, startMs: performance.now() - startedMs, stop: () => stop(child) };
}

export function startUpstream(delayMs: number): Promise<Running> {
  const command = [process.execPath, new URL('upstream.ts', import.meta.url).pathname];
  return startServer({ command, cpus: loadCpu, environment: { DELAY_MS: String(delayMs) } }, 'ignore');
}

/** A pipe whose reader takes every line, as a container runtime does. */
export function openLogPipe(folder: string): { log: number; close: () => void } {
  const path = join(folder, 'log');
  execFileSync('mkfifo', [path]);
  const reader = spawn('taskset', ['-c', loadCpu, 'cat', path], { stdio: 'ignore' });
  const log = openSync(path, 'w');
  const close = () => {
    closeSync(log);
    reader.kill();
  };
  return { log, close };
}

/** Resolves when the process uses no CPU any more: it may still work on requests whose load has ended. */
export async function waitUntilIdle(pid: number): Promise<void> {
  for (let before = Number.NaN, now = cpuSeconds(pid); now !== before; now = cpuSeconds(pid)) {
    before = now;
    await delay(100);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exited;
  clearTimeout(timer);
}

async function isAnswering(url: string): Promise<boolean> {
  try {
    const headers = { 'content-type': 'application/json' };
    await (await fetch(`${url}/graphql`, { method: 'POST', body: '{}', headers })).text();
    return true;
  } catch {
    await delay(5);
    return false;
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Seconds of CPU that a process and its children have used. */
export function cpuSeconds(pid: number): number {
  const ticks = withChildren(pid).map((each) => {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond;
}

/** Resident memory of the largest of a process and its children. */
export function residentMebibytes(pid: number): number {
  const kibibytes = withChildren(pid).map((each) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${each}/status`, 'utf8'))?.[1]),
  );
  return Math.max(...kibibytes) / 1024;
}

function withChildren(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withChildren)];
}

/** Returns what wrk prints; rejects if a response has another status than 2xx or 3xx, or a connection fails. */
export async function wrk(url: string, script: string, load: readonly string[]): Promise<string> {
  const options = ['--timeout', '10', '-s', script, `${url}/graphql`];
  const { stdout } = await execute('taskset', ['-c', loadCpu, 'wrk', ...load, ...options]);
  const failed = /Non-2xx or 3xx responses: (\d+)|Socket errors: .*/.exec(stdout);
  if (failed !== null) throw new Error(`wrk: ${failed[0]}`);
  return stdout;
}
