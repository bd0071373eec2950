import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { findFreePort } from './freePort.ts';

export type LoadBalancer = {
  url: string;
  /** Resolves once it sends requests to this number of replicas. */
  sends: (replicas: number) => Promise<void>;
};

export const isHaproxyInstalled = (() => {
  try {
    execFileSync('haproxy', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Like `describe`, behind HAProxy. If it is not installed, the tests are skipped by name; with `CI=true` that is a failure. */
export function describeBehindHaproxy(
  name: string,
  ports: () => Promise<number[]>,
  tests: (balancer: LoadBalancer) => void,
): void {
  // biome-ignore lint/style/noProcessEnv: the environment of the tests
  if (!isHaproxyInstalled && process.env.CI === 'true') throw new Error('CI must have haproxy on its PATH.');
  // The reason for skipping: HAProxy is not installed.
  const describeOrSkip = isHaproxyInstalled ? describe : describe.skip;
  describeOrSkip(name, () => {
    const balancer = { url: '', sends: (replicas: number) => untilUp(balancer.url, replicas) };
    const haproxy = createHaproxy();
    beforeAll(async () => {
      const port = await findFreePort();
      haproxy.start(toConfiguration(port, await ports()));
      balancer.url = `http://127.0.0.1:${port}`;
    });
    afterAll(haproxy.remove);
    tests(balancer);
  });
}

export type Haproxy = {
  start: (configuration: string) => void;
  /** A path for a socket of its runtime API. It exists no longer than the process. */
  socket: () => string;
  remove: () => Promise<void>;
};

export function createHaproxy(): Haproxy {
  let folder: string | undefined;
  const inFolder = (name: string) => {
    folder ??= mkdtempSync(join(tmpdir(), 'haproxy-'));
    return join(folder, name);
  };
  let server: ChildProcess | undefined;
  return {
    socket: () => inFolder('admin.sock'),
    start(configuration) {
      const file = inFolder('haproxy.cfg');
      writeFileSync(file, configuration);
      server = spawn('haproxy', ['-f', file, '-db'], { stdio: 'ignore' });
    },
    async remove() {
      const closed = server && once(server, 'close');
      server?.kill('SIGKILL');
      await closed;
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

/** A usual configuration: readiness selects the servers, and a request that no server received is sent to another one. */
function toConfiguration(port: number, replicas: readonly number[]): string {
  const servers = replicas.map((replicaPort, n) => `  server gateway${n} 127.0.0.1:${replicaPort}`);
  return `
global
  maxconn 1000
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  timeout check 5s
  retries 3
  option redispatch
frontend all
  bind 127.0.0.1:${port}
  stats enable
  stats uri /__balancer
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 50ms fall 1 rise 1
${servers.join('\n')}
`;
}

async function untilUp(url: string, replicas: number): Promise<void> {
  for (;;) {
    const rows = await fetch(`${url}/__balancer;csv`).then(
      (response) => response.text(),
      () => '',
    );
    if (rows.match(/^gateways,gateway\d+,.*,UP,/gm)?.length === replicas) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
