import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { useGateway } from '../../support/gateway.ts';
import { customer, entitlement, totalQuery } from '../../support/ids.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Connects and sends the beginning of a request, but never the rest. */
function hang(url: string, start: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(start));
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

const headers = 'POST /graphql HTTP/1.1\r\nhost: x\r\n';
const body = `${headers}content-type: application/json\r\ncontent-length: 100\r\n\r\n{"query":`;

describe('a slow client', () => {
  const gateway = useGateway(
    { UPSTREAM_DEADLINE_MS: '200' },
    {
      silenceTimeout: 300,
      headersTimeout: 300,
      requestTimeout: 400,
      keepAliveTimeout: 200,
      connectionsCheckingInterval: 50,
      maxConnections: 250,
    },
  );

  async function connections(): Promise<number> {
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    return Number(/^gateway_connections (\d+)$/m.exec(metrics)?.[1]);
  }

  it.each([
    ['sends nothing', ''],
    ['does not finish its headers', headers],
    ['does not finish its body', body],
    [
      'does not finish its chunked body',
      `${headers}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"que`,
    ],
  ])('that %s gets status 408 and is disconnected', async (_, start) => {
    const answer = await readAll(hang(gateway.url, start));
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer).toContain('"code":"BAD_REQUEST"');
  });

  it('that sends one byte at a time gets status 408 and is disconnected', async () => {
    const socket = hang(gateway.url, headers);
    const timer = setInterval(() => socket.write('x'), 20);
    const answer = await readAll(socket);
    clearInterval(timer);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('that does not read its responses is disconnected', async () => {
    const fields = Array.from({ length: 100 }, (_, n) => `a${n}: _service { sdl }`).join(' ');
    const operation = JSON.stringify({ query: `{ ${fields} }` });
    const request = `${headers}content-type: application/json\r\ncontent-length: ${operation.length}\r\n\r\n${operation}`;
    // All responses together are 135 MB. The socket buffers of both sides hold up to 32 MiB.
    const socket = hang(gateway.url, request.repeat(200)).pause();
    const before = await connections();
    while ((await connections()) === before) await sleep(5);
    while ((await connections()) > before) await sleep(50);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect(received).toBeLessThan(100_000_000);
  });

  it('that holds all 250 connections blocks other clients only until it is disconnected', async () => {
    for (let n = 0; n < 250; n += 1) hang(gateway.url, '');
    // The listeners come first, because a connection beyond the limit is closed at once.
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await expect(gateway.fetch('/livez')).rejects.toThrow('fetch failed');
    await Promise.all(closed);
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('other clients, while 200 clients hang in headers and bodies', () => {
  const gateway = useGateway();

  it('get 99 of 100 responses within 100 ms', async () => {
    for (let n = 0; n < 200; n += 1) hang(gateway.url, n % 2 === 0 ? headers : body);
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    let best = Number.POSITIVE_INFINITY;
    // Other tests may run on the same machine: the best of three rounds counts.
    for (let round = 0; round < 3 && best >= 100; round += 1) {
      const durations: number[] = [];
      for (let n = 0; n < 200; n += 1) {
        const startedMs = performance.now();
        const { body: answer } = await gateway.gql(totalQuery, {
          entitlementId: entitlement,
          customerId: customer,
          startDate: n,
        });
        durations.push(performance.now() - startedMs);
        expect(answer.errors).toBeUndefined();
      }
      best = Math.min(best, durations.sort((a, b) => a - b)[197] ?? 0);
    }
    expect(best).toBeLessThan(100);
    expect(sockets.every(({ destroyed }) => !destroyed)).toBe(true);
  });
});
