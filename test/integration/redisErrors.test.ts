import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { observeRedis } from '../support/observedRedis.ts';

/** A server that answers each command with this error; the number of its connections. */
async function serveError(reply: string) {
  const found = { url: '', connections: 0, close: () => {} };
  const server = createServer((socket) => {
    found.connections += 1;
    socket.on('error', () => {});
    // A command begins with the number of its parts.
    socket.on('data', (data) =>
      socket.write(`-${reply}\r\n`.repeat(String(data).match(/^\*/gm)?.length ?? 0)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  found.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  found.close = () => void server.close();
  return found;
}

async function observe(reply: string, untilSeen: (seen: { state: string; connections: number }) => boolean) {
  const server = await serveError(reply);
  const observed = observeRedis(() => [server.url]);
  observed.start();
  await until(() => untilSeen({ state: observed.state() ?? '', connections: server.connections }));
  observed.stop();
  server.close();
  return { state: observed.state(), refusals: observed.refusals(), connections: server.connections };
}

/** Those of the first client, for commands and for messages. */
const firstConnections = 2;

describe('a Redis whose every reply is an error', () => {
  it.each([
    'READONLY',
    'MASTERDOWN',
    'NOREPLICAS',
    'LOADING',
    'BUSY',
    'CLUSTERDOWN',
    'UNKILLABLE',
    'MOVED 1',
  ])('is left for a new connection because of %s, and no command counts as refused', async (word) => {
    const seen = await observe(`${word} sorry`, ({ connections }) => connections > firstConnections);
    expect(seen).toMatchObject({ state: 'down', refusals: [] });
  });

  it.each(['NOPERM', 'OOM', 'MISCONF', 'ERR'])(
    'keeps its connections and is refusing because of %s',
    async (word) => {
      const { state, refusals, connections } = await observe(
        `${word} sorry`,
        (seen) => seen.state === 'refusing',
      );
      expect([state, refusals.length > 0, connections]).toEqual(['refusing', true, firstConnections]);
    },
  );
});
