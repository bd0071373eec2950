import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Fifo } from './fifo.ts';
import { apiKey, organisation } from './ids.ts';

type Environment = Readonly<Record<string, string>>;

const root = new URL('../../', import.meta.url).pathname;

export type Process = {
  pid: number;
  output: () => string;
  /** What it wrote to stderr alone. */
  errorOutput: () => string;
  /** Resolves to the first match in the output so far or to come. */
  printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  signal: (name: NodeJS.Signals) => void;
  /** Closes the read end of its stdout. */
  stopReading: () => void;
  /** Leaves the read end of its stdout open without reading from it. */
  pauseReading: () => void;
  resumeReading: () => void;
  /** The processes it started that live. */
  childPids: () => number[];
  /** Resolves to the exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>;
};

/** `stdout`: a pipe in place of the socket that `spawn` makes, or a descriptor that is not read. */
type RunOptions = { cwd?: string; stdout?: Fifo | number | undefined };

/** Runs a program of the project as a process of its own, with this environment and nothing else but PATH. */
export function run(
  args: readonly string[],
  environment: Environment,
  { cwd = root, stdout }: RunOptions = {},
): Process {
  const stdoutFd = typeof stdout === 'object' ? stdout.writeEnd : stdout;
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd,
    // biome-ignore lint/style/noProcessEnv: programs are found on the PATH of the tests
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', stdoutFd ?? 'pipe', 'pipe'],
  });
  if (stdoutFd !== undefined) closeSync(stdoutFd);
  const reader: Readable | null = typeof stdout === 'object' ? stdout.reader : child.stdout;
  let output = '';
  let errorOutput = '';
  const keep = (chunk: Buffer) => {
    output += chunk;
  };
  reader?.on('data', keep);
  child.stderr?.on('data', keep).on('data', (chunk: Buffer) => {
    errorOutput += chunk;
  });
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });

  async function printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(output);
      if (match) return match;
      if (isOver) throw new Error(`The process ended without printing ${pattern}: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 5).unref());
    }
  }
  const pid = child.pid ?? 0;
  const childPids = () => childrenOf(pid);
  const signal = (name: NodeJS.Signals) => child.kill(name);
  const reading = {
    stopReading: () => void reader?.destroy(),
    pauseReading: () => void reader?.pause(),
    resumeReading: () => void reader?.resume(),
  };
  return {
    pid,
    output: () => output,
    errorOutput: () => errorOutput,
    printed,
    signal,
    ...reading,
    childPids,
    exited,
  };
}

/** Starts the gateway, from here or from another place. */
export function runGateway(
  environment: Environment,
  { args = ['src/main.ts'], ...options }: RunOptions & { args?: string[] } = {},
): Process {
  const credentials = { ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: organisation };
  return run(args, { PORT: '0', ...credentials, ...environment }, options);
}

/** The resident memory of a process, from /proc if it exists, else from ps. */
export function residentMebibytes(pid: number): number {
  const status = `/proc/${pid}/status`;
  const kibibytes = existsSync(status)
    ? /VmRSS:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))?.[1]
    : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Number(kibibytes) / 1024;
}

function childrenOf(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  return rows
    .filter(([, parent, state]) => Number(parent) === pid && !state?.startsWith('Z'))
    .map(([own]) => Number(own));
}
