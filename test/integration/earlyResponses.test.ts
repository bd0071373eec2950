import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type Gateway, until, useGateway, useReplicas } from '../support/gateway.ts';

const execute = promisify(execFile);
const itWithCurl = spawnSync('curl', ['--version']).status === 0 ? it : it.skip;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

type Sent = { url: string; body: Buffer; headers?: Record<string, string> };
type Client = (sent: Sent) => Promise<number>;

const json = { 'content-type': 'application/json' };

/** Each resolves to the status, and rejects if the connection is reset. */
const clients: Record<string, Client> = {
  fetch: async ({ url, body, headers = json }) => {
    const response = await fetch(url, { method: 'POST', body: new Uint8Array(body), headers });
    await response.text();
    return response.status;
  },
  'node:http': async ({ url, body, headers = json }) => {
    const request = httpRequest(url, { method: 'POST', headers });
    request.end(body);
    const [response] = await once(request, 'response');
    await once(response.resume(), 'end');
    return response.statusCode;
  },
  'a socket that reads only after it has sent everything': async ({ url, body, headers = json }) => {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname).pause();
    sockets.push(socket);
    const failed = once(socket, 'error').then(([error]) => Promise.reject(error));
    const lines = Object.entries({ host: 'x', 'content-length': body.length, ...headers });
    const head = [`POST ${pathname} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await Promise.race([new Promise((resolve) => socket.write(body, resolve)), failed]);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await Promise.race([once(socket.resume(), 'end'), failed]);
    return Number(text.split(' ')[1]);
  },
};

describe('the response to an oversized body', () => {
  const gateway = useGateway();
  const file = join(mkdtempSync(join(tmpdir(), 'body-')), 'body');
  afterAll(() => rmSync(dirname(file), { recursive: true }));

  // The reason for skipping: curl is not installed.
  itWithCurl.each([3, 30])(
    'reaches curl, 100 times for %d MB',
    async (megabytes) => {
      writeFileSync(file, Buffer.alloc(megabytes * 1_000_000, ' '));
      const args = ['-s', '-w', '%{http_code}', '-o', '/dev/null', '-H', 'content-type: application/json'];
      for (let n = 0; n < 100; n += 1) {
        const { stdout } = await execute('curl', [
          ...args,
          '--data-binary',
          `@${file}`,
          `${gateway.url}/graphql`,
        ]);
        expect(stdout).toBe('413');
      }
    },
    120_000,
  );

  it.each(
    Object.entries(clients).flatMap(([name, send]) =>
      [3, 30].map((megabytes) => ({ name, send, megabytes })),
    ),
  )(
    'reaches $name, 100 times for $megabytes MB',
    async ({ send, megabytes }) => {
      const body = Buffer.alloc(megabytes * 1_000_000, ' ');
      const statuses: number[] = [];
      for (let n = 0; n < 100; n += 1) statuses.push(await send({ url: `${gateway.url}/graphql`, body }));
      expect(statuses).toEqual(Array.from({ length: 100 }, () => 413));
    },
    120_000,
  );
});

describe('a response that is sent before the body has arrived', () => {
  const secret = 'a-secret-of-the-router-0123456789';
  const gateway = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: secret });
  const [limited] = useReplicas(1, () => ({ RATE_LIMIT_PER_MINUTE: '1' })) as [Gateway];
  const body = Buffer.alloc(3_000_000, ' ');
  const known = { ...json, 'x-router-secret': secret };
  const rejections: { status: number; path: string; headers: Record<string, string> }[] = [
    { status: 401, path: '/graphql', headers: json },
    { status: 404, path: '/nowhere', headers: json },
    { status: 405, path: '/livez', headers: json },
    { status: 406, path: '/graphql', headers: { ...known, accept: 'image/png' } },
    { status: 415, path: '/graphql', headers: { ...known, 'content-type': 'text/plain' } },
    { status: 415, path: '/graphql', headers: { ...known, 'content-encoding': 'br' } },
  ];

  it.each(
    Object.entries(clients).flatMap(([name, send]) =>
      rejections.map((rejection) => ({ name, send, ...rejection })),
    ),
  )('with status $status reaches $name', async ({ send, path, headers, status }) => {
    for (let n = 0; n < 10; n += 1)
      expect(await send({ url: `${gateway.url}${path}`, body, headers })).toBe(status);
  });

  it.each(Object.entries(clients))('with status 429 reaches %s', async (_, send) => {
    limited.stopClock();
    await limited.gql('{ __typename }');
    const headers = { ...json, accept: 'application/graphql-response+json' };
    for (let n = 0; n < 10; n += 1)
      expect(await send({ url: `${limited.url}/graphql`, body, headers })).toBe(429);
  });
});

describe('the response to bytes that are not a request', () => {
  const gateway = useGateway();

  it.each([
    ['a header of 3 MB', `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(3_000_000)}\r\n\r\n`, 431],
    [
      'an invalid length and 3 MB',
      `POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n${'x'.repeat(3_000_000)}`,
      400,
    ],
  ])('reaches a client that sends %s before it reads', async (_, bytes, status) => {
    for (let n = 0; n < 10; n += 1) {
      const { socket, received } = open(gateway.url, { allowHalfOpen: false });
      socket.pause();
      await new Promise((resolve) => socket.write(bytes, resolve));
      await once(socket.resume(), 'end');
      expect(received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});

/** A half-open client keeps sending after the gateway has closed its side. */
function open(url: string, { allowHalfOpen }: { allowHalfOpen: boolean }) {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen });
  let text = '';
  let isClosed = false;
  let isEnded = false;
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.on('end', () => {
    isEnded = true;
  });
  socket.on('close', () => {
    isClosed = true;
  });
  sockets.push(socket);
  return { socket, received: () => text, isClosed: () => isClosed, isEnded: () => isEnded };
}

const endless = 'POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n';
const unreadable = `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}`;

describe.each([
  ['lingerBytes', { lingerBytes: 200_000, lingerTimeout: 2_000_000_000 }, ' '.repeat(65_536)],
  ['lingerTimeout', { lingerBytes: 2_000_000_000, lingerTimeout: 100 }, 'x'],
])('%s', (_, limits, content) => {
  const gateway = useGateway({}, limits);
  const chunk = `${content.length.toString(16)}\r\n${content}\r\n`;

  it.each([
    { name: 'whose body never ends', start: endless, piece: chunk, status: 404 },
    { name: 'whose header never ends', start: unreadable, piece: content, status: 431 },
  ])('cuts off a rejected request $name', async ({ start, piece, status }) => {
    const { socket, received, isClosed } = open(gateway.url, { allowHalfOpen: true });
    socket.write(start);
    const pump = setInterval(() => socket.writable && socket.write(piece), 1);
    await until(isClosed);
    clearInterval(pump);
    expect(received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nconnection: close\\r\\n`, 'i'));
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('a response without a body to an unfinished request', () => {
  const gateway = useGateway();

  it.each([
    ['HEAD /livez', 200],
    ['OPTIONS /graphql', 204],
  ])('is one, and closes the side of the gateway: %s', async (line, status) => {
    const { socket, received, isEnded } = open(gateway.url, { allowHalfOpen: true });
    socket.write(`${line} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n`);
    await until(isEnded);
    socket.write('no chunk\r\n');
    await new Promise<void>((resolve) => socket.end(resolve));
    expect(received().match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`]);
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });
});

describe('a pipelined request that is rejected before its body has arrived', () => {
  const gateway = useGateway();

  it('gets its response after those of the earlier requests', async () => {
    const query = '/graphql?query={__typename}';
    const { socket, received, isClosed } = open(gateway.url, { allowHalfOpen: false });
    socket.write(`GET ${query} HTTP/1.1\r\nhost: x\r\napollo-require-preflight: 1\r\n\r\n`);
    socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx');
    await until(isClosed);
    expect(received().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

describe('a small request that is rejected', () => {
  const gateway = useGateway();

  it('leaves its connection open for the next request', async () => {
    const { socket, received } = open(gateway.url, { allowHalfOpen: false });
    const post = 'POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}';
    for (let count = 1; count <= 8; count += 1) {
      socket.write(post);
      await until(() => received().split('"Not found."').length === count + 1);
    }
    expect(received()).not.toMatch(/connection: close/i);
  });
});
