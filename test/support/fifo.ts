import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pipe of the kernel, as a shell or a container has for stdout; what `spawn` makes are sockets. */
export type Fifo = { reader: Socket; writeEnd: number };

export function createFifo(): Fifo {
  const folder = mkdtempSync(join(tmpdir(), 'fifo-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, 'w');
  rmSync(folder, { recursive: true });
  return { reader: new Socket({ fd, readable: true, writable: false }), writeEnd };
}
