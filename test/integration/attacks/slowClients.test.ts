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

/** Connects and sends the beginning of a request, and its rest never. */
function hang(url: string, beginning: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(beginning));
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

describe('a client that is slow on purpose', () => {
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
    ['says nothing', ''],
    ['does not end its headers', headers],
    ['does not end its body', body],
    [
      'does not end its chunks',
      `${headers}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"que`,
    ],
  ])('and %s is cut off', async (_, beginning) => {
    const answer = await readAll(hang(gateway.url, beginning));
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer).toContain('"code":"BAD_REQUEST"');
  });

  it('and sends a byte at a time is cut off all the same', async () => {
    const socket = hang(gateway.url, headers);
    const timer = setInterval(() => socket.write('x'), 20);
    const answer = await readAll(socket);
    clearInterval(timer);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('and does not read its answers is cut off', async () => {
    const fields = Array.from({ length: 100 }, (_, n) => `a${n}: _service { sdl }`).join(' ');
    const question = JSON.stringify({ query: `{ ${fields} }` });
    const one = `${headers}content-type: application/json\r\ncontent-length: ${question.length}\r\n\r\n${question}`;
    // All of it would be 135 MB: more than the buffers between here and there hold, which may be 32 MiB.
    const socket = hang(gateway.url, one.repeat(200)).pause();
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

  it('and comes 250 times over leaves no place for more, until it is cut off', async () => {
    for (let n = 0; n < 250; n += 1) hang(gateway.url, '');
    // From the beginning on, as one too many is closed at once.
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await expect(gateway.fetch('/livez')).rejects.toThrow('fetch failed');
    await Promise.all(closed);
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('while 200 clients hang in their headers and bodies', () => {
  const gateway = useGateway();

  it('others are answered, 99 of 100 within 100 ms', async () => {
    for (let n = 0; n < 200; n += 1) hang(gateway.url, n % 2 === 0 ? headers : body);
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    let best = Number.POSITIVE_INFINITY;
    // These share a machine with other tests: the best of three rounds counts.
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
