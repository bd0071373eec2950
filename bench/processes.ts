import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ticksPerSecond = 100;

export type Running = { pid: number; url: string; startMs: number; stop: () => Promise<void> };

type Command = { command: string[]; cpus: string; environment: Record<string, string>; cwd?: string };

/** Starts a server on a free port, pinned to these cores; resolves when it answers anything at all. */
export async function startServer(
  { command, cpus, environment, cwd }: Command,
  port?: number,
): Promise<Running> {
  const chosen = port ?? (await findFreePort());
  const startedMs = performance.now();
  const child = spawn('taskset', ['-c', cpus, ...command], {
    env: { PATH: process.env.PATH, PORT: String(chosen), ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  const url = `http://127.0.0.1:${chosen}`;
  while (!(await isAnswering(url))) {
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended: ${complaint}`);
    if (performance.now() - startedMs > 30_000)
      throw new Error(`${command.join(' ')} does not answer: ${complaint}`);
  }
  return { pid: child.pid ?? 0, url, startMs: performance.now() - startedMs, stop: () => stop(child) };
}

/** Resolves when the process has nothing left to do: what was under way when its load ended, it may go on with. */
export async function idle(pid: number): Promise<void> {
  for (let before = Number.NaN, now = cpuSeconds(pid); now !== before; now = cpuSeconds(pid)) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What all of them ask, beside the load. */
export function startUpstream(delayMs: number): Promise<Running> {
  const command = [process.execPath, new URL('upstream.ts', import.meta.url).pathname];
  return startServer({ command, cpus: '1', environment: { DELAY_MS: String(delayMs) } });
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
    await (
      await fetch(`${url}/graphql`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      })
    ).text();
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 5));
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

/** Seconds of CPU that a process and its children have taken. */
export function cpuSeconds(pid: number): number {
  const total = family(pid).reduce((sum, one) => {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
  return total / ticksPerSecond;
}

export function residentMebibytes(pid: number): number {
  const each = family(pid).map((one) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1]),
  );
  return Math.max(...each) / 1024;
}

function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

/** What wrk prints, with the load on the second core; fails where an answer did. */
export async function wrk(url: string, script: string, load: readonly string[]): Promise<string> {
  const args = ['-c', '1', 'wrk', ...load, '--timeout', '10', '-s', script, `${url}/graphql`];
  const { stdout } = await execute('taskset', args);
  const failed = /Non-2xx or 3xx responses: (\d+)|Socket errors: .*/.exec(stdout);
  if (failed !== null) throw new Error(`wrk: ${failed[0]}`);
  return stdout;
}

/** Requests per second by wrk, and how many there were. */
export async function runWrk(
  url: string,
  script: string,
  seconds: number,
): Promise<{ perSecond: number; requests: number }> {
  const printed = await wrk(url, script, ['-t1', '-c32', `-d${seconds}`]);
  const requests = Number(/(\d+) requests in/.exec(printed)?.[1]);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]), requests };
}
