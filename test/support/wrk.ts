import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe } from '@jest/globals';

type Received = { headers: IncomingHttpHeaders; body: string };

const isInstalled = (() => {
  try {
    // Prints its version and exits with 1.
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as { status?: number }).status === 1;
  }
})();

/** Like `describe`, with wrk. Without wrk the tests are skipped by name; with `CI=true` that is a failure. */
export function describeWithWrk(name: string, tests: () => void): void {
  // biome-ignore lint/style/noProcessEnv: CI sets it
  if (!isInstalled && process.env.CI === 'true') throw new Error('CI must have wrk on its PATH.');
  // The reason for skipping: nothing to test with.
  const describeOrSkip = isInstalled ? describe : describe.skip;
  describeOrSkip(name, tests);
}

/** The first requests that wrk sends with this script, by two threads. */
export async function receiveFromWrk(script: string, count: number): Promise<Received[]> {
  const folder = mkdtempSync(join(tmpdir(), 'wrk-'));
  const file = join(folder, 'load.lua');
  writeFileSync(file, script);
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) });
    response.end('{}');
    if (received.length >= count) server.emit('enough');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const args = ['-t2', '-c4', '-d10', '-s', file, `http://127.0.0.1:${port}/graphql`];
  const wrk = spawn('wrk', args, { stdio: 'ignore' });
  try {
    await Promise.race([once(server, 'enough'), once(wrk, 'exit')]);
    return received;
  } finally {
    wrk.kill();
    server.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  }
}
