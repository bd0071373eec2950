import { constants, fstatSync, openSync } from 'node:fs';
import sonicBoom from 'sonic-boom';

/** A line waits at most this long for others to be written together with it. */
const maxDelayMs = 100;
/** Waiting lines are written when they reach this length, in bytes. */
const minWriteBytes = 3584;
/** A pipe takes this much in one piece (PIPE_BUF of Linux), so that lines of several workers do not mix. */
const maxWriteBytes = 4096;
/** Lines beyond this are dropped while stdout accepts nothing. */
const maxBufferedBytes = 1_048_576;
/** At its exit the process waits at most this long for a reader to take the last lines: 64 KiB each 100 ms. */
const maxExitDelayMs = 3000;

/** Takes whole lines. */
export type LogDestination = { write: (line: string) => unknown };

/**
 * Writes lines to stdout and never blocks, whether its reader is slow, has stopped reading or has gone. Lines wait in a
 * bounded buffer and the next write tries again, also when a disk is full.
 */
export function createStdout(onDrop: () => void): LogDestination {
  let retryUntilMs = Number.NEGATIVE_INFINITY;
  // The package's types describe its default export differently to a bundler than to Node.
  const { SonicBoom } = sonicBoom as unknown as typeof import('sonic-boom');
  const stdout = new SonicBoom({
    fd: openStdout(),
    // Asynchronous writes would occupy a thread of the pool, and lines that are in flight at the exit would be lost.
    sync: true,
    minLength: minWriteBytes,
    maxWrite: maxWriteBytes,
    maxLength: maxBufferedBytes,
    periodicFlush: maxDelayMs,
    // A retry at once puts the whole process to sleep; without one, the next write or flush tries again.
    retryEAGAIN: () => performance.now() < retryUntilMs,
  });
  stdout.on('error', () => {}).on('drop', onDrop);
  process.once('exit', () => {
    retryUntilMs = performance.now() + maxExitDelayMs;
    try {
      stdout.flushSync();
    } catch {
      // The reader does not read or has gone.
    }
  });
  return stdout;
}

/** The descriptor of stdout, opened such that a write which would block fails with EAGAIN instead. */
function openStdout(): number {
  const stdout = 1;
  // Regular files never block, and opened again they would lose their position.
  if (fstatSync(stdout).isFile()) return stdout;
  try {
    // Non-blocking mode belongs to the open file, which all workers share: each fork and each exit of a Node process
    // switches it off for all. A pipe or terminal that is opened again has a mode of its own.
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // A socket cannot be opened again, and only Linux has this path. Node's own stream switches the mode of pipes and
    // sockets when it is first read.
    return process.stdout.fd;
  }
}
