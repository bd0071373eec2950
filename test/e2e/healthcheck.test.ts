import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../support/freePort.ts';
import { type Process, run, runGateway } from '../support/process.ts';

const running: Process[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const { signal, exited } of running.splice(0)) {
    signal('SIGKILL');
    await exited;
  }
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** Starts a gateway on this address; returns its port. */
async function start(HOST: string): Promise<string> {
  const gateway = runGateway({ HOST, ADMIN_PORT: '0', AUTH_ALLOW_ANONYMOUS: 'true' });
  running.push(gateway);
  const [, port = ''] = await gateway.printed(/"url":"http:\/\/[^"]+:(\d+)"/);
  return port;
}

function check(environment: Record<string, string>) {
  return run(['src/cli/healthcheck.ts'], environment).exited;
}

/** Starts a server that answers every request with this status; returns its port. */
async function serve(status: number, onRequest = () => {}): Promise<string> {
  const server = createServer((_, response) => {
    onRequest();
    response.writeHead(status).end();
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return String((server.address() as AddressInfo).port);
}

// The reason for skipping: the machine has no IPv6.
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

describe('the health check', () => {
  it.each(['127.0.0.1', '0.0.0.0', 'localhost', hostname()])(
    'succeeds if the gateway listens on HOST=%s',
    async (HOST) => {
      expect(await check({ HOST, PORT: await start(HOST) })).toBe(0);
    },
  );

  // The reason for skipping: the machine has no IPv6.
  (hasIpv6 ? it : it.skip).each(['::1', '::', '[::1]', '0:0:0:0:0:0:0:1'])(
    'succeeds if the gateway listens on the IPv6 address HOST=%s',
    async (HOST) => {
      expect(await check({ HOST, PORT: await start(HOST) })).toBe(0);
    },
  );

  it('fails if no gateway listens', async () => {
    expect(await check({ PORT: String(await findFreePort()) })).toBe(1);
  });

  it.each([404, 500, 503])('fails if the gateway answers %s', async (status) => {
    expect(await check({ PORT: await serve(status) })).toBe(1);
  });

  it('does not go through a proxy that the environment names, with NODE_USE_ENV_PROXY=1', async () => {
    const seen: string[] = [];
    const proxy = `http://127.0.0.1:${await serve(503, () => seen.push('request'))}`;
    const PORT = await serve(200);
    const environment = { http_proxy: proxy, HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
    expect(await check({ PORT, ...environment, NODE_USE_ENV_PROXY: '1' })).toBe(0);
    expect(seen).toEqual([]);
  });
});
