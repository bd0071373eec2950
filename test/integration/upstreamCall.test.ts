import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createTenant } from '../../src/auth/tenant.ts';
import { parseConfig } from '../../src/config/config.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import type { ZenskarClient } from '../../src/zenskar/request.ts';
import { loadZenskarClient } from '../../src/zenskar/tracedClient.ts';
import { until, useGateway } from '../support/gateway.ts';
import { apiKey, customer, customerOf, entitlement, organisation, totalQuery } from '../support/ids.ts';

const { version: packageVersion } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const parameters = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };
const tenant = createTenant({ apiKey, organisation, url: '', apiVersion: undefined });

describe.each(['got', 'undici'] as const)('an upstream call with %s', (transport) => {
  const gateway = useGateway({ ZENSKAR_API_VERSION: '20240301', UPSTREAM_TRANSPORT: transport });

  it('carries the credentials and the request id, and no header of the caller', async () => {
    await gateway.gql(
      totalQuery,
      { entitlementId: entitlement, customerId: customer },
      {
        headers: {
          'x-request-id': 'abc 123',
          authorization: 'Bearer of-the-caller',
          cookie: 'of=the-caller',
        },
      },
    );
    expect(gateway.simulator.requestHeaders).toEqual([
      {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': `zenskar-graphql-gateway/${packageVersion}`,
        'x-api-key': apiKey,
        organisation,
        apiversion: '20240301',
        'x-request-id': 'abc 123',
        host: expect.any(String),
        connection: 'keep-alive',
      },
    ]);
  });

  it('is cancelled when the client disconnects', async () => {
    const client = new AbortController();
    const answer = gateway.gql(
      totalQuery,
      { entitlementId: entitlement, customerId: customerOf('9999') },
      { signal: client.signal },
    );
    await until(() => gateway.simulator.requestHeaders.length === 1);
    client.abort();
    await expect(answer).rejects.toThrow('aborted');
    await until(() => gateway.simulator.aborted === 1);
    await until(() =>
      gateway.log.some(({ msg, outcome }) => msg === 'operationEnded' && outcome === 'cancelled'),
    );
  });
});

describe.each(['got', 'undici'] as const)('one attempt with %s', (transport) => {
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  async function clientOf(server: Server, host = '127.0.0.1', path = ''): Promise<ZenskarClient> {
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const environment = {
      UPSTREAM_TRANSPORT: transport,
      ZENSKAR_URL: `HTTP://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
      ZENSKAR_API_KEY: apiKey,
      ZENSKAR_ORGANISATION: organisation,
    };
    const parsed = parseConfig(environment, () => '');
    if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
    const client = await loadZenskarClient(parsed.config);
    stops.push(client.close, () => server.close().closeAllConnections());
    return client;
  }

  it.each([
    ['127.0.0.1', '', ''],
    ['127.0.0.1', '/', ''],
    ['127.0.0.1', '/zenskar/v1/', '/zenskar/v1'],
    ...(hasIpv6 ? [['::1', '', ''] as const, ['::1', '/base', '/base'] as const] : []),
  ] as const)('reaches an upstream on %s with the base path "%s"', async (host, path, prefix) => {
    const seen: unknown[] = [];
    const server = createServer(({ url, headers }, response) => {
      seen.push([url, headers.host]);
      response.end('{}');
    });
    const client = await clientOf(server, host, path);
    expect(await attempt(client)).toMatchObject({ kind: 'answered', status: 200 });
    const { port } = server.address() as AddressInfo;
    expect(seen).toEqual([
      [
        `${prefix}/entitlements/${entitlement}/customer/${customer}/total`,
        host === '::1' ? `[::1]:${port}` : `127.0.0.1:${port}`,
      ],
    ]);
  });

  function attempt(client: ZenskarClient, timeoutMs = 1000) {
    return client.attempt(parameters, {
      tenant,
      requestId: 'r',
      span: noSpan,
      resends: 0,
      signal: new AbortController().signal,
      timeoutMs,
    });
  }

  async function attemptAgainst(answer: RequestListener, timeoutMs?: number) {
    return attempt(await clientOf(createServer(answer)), timeoutMs);
  }

  it.each([
    [503, 'x'.repeat(100_000)],
    [401, undefined],
  ])('is answered with the status %i, even if the body is too large or never ends', async (status, body) => {
    const outcome = await attemptAgainst((_, response) => {
      response.writeHead(status);
      if (body === undefined) response.write('{');
      else response.end(body);
    }, 200);
    expect(outcome).toMatchObject({ kind: 'answered', status });
  });

  it('does not take an interim response for the final one', async () => {
    const outcome = await attemptAgainst((_, response) => response.writeEarlyHints({ link: '</x>' }), 50);
    expect(outcome).toEqual({ kind: 'timeout' });
  });

  it('uses the first of two Retry-After headers', async () => {
    const outcome = await attemptAgainst((_, response) => {
      response.writeHead(429, [
        ['retry-after', '3'],
        ['retry-after', '5'],
      ]);
      response.end();
    });
    expect(outcome).toMatchObject({ kind: 'answered', status: 429, headers: { retryAfter: '3' } });
  });

  it('does not follow a redirect, which would send the key to another host', async () => {
    let calls = 0;
    const outcome = await attemptAgainst((_, response) => {
      calls += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(outcome).toMatchObject({ kind: 'answered', status: 302 });
    expect(calls).toBe(1);
  });

  const total = JSON.stringify({ entitlement, customer, quantity: 7 });
  it.each<[string, string, Buffer]>([
    ['gzip', 'gzip', gzipSync(total)],
    ['x-gzip in upper case', 'X-GZIP', gzipSync(total)],
    ['deflate', 'deflate', deflateSync(total)],
    ['deflate without the wrapper of zlib', 'deflate', deflateRawSync(total)],
    ['identity', 'identity', Buffer.from(total)],
    ['gzip with a byte order mark inside', 'gzip', gzipSync(`\uFEFF${total}`)],
    ['a byte order mark', '', Buffer.from(`\uFEFF${total}`)],
  ])('decodes a body with %s that it did not ask for', async (_, coding, bytes) => {
    const outcome = await attemptAgainst((__, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(bytes);
    });
    expect(outcome).toMatchObject({ kind: 'answered', status: 200, body: total });
  });

  it('stops decoding a gzip bomb at the limit of bodies', async () => {
    const outcome = await attemptAgainst((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000)));
    });
    expect(outcome).toEqual({ kind: 'too_large' });
  });

  it.each([
    ['br', 'the body has the content-encoding "br"'],
    ['gzip, gzip', 'the body has the content-encoding "gzip, gzip"'],
    ['gzip', 'the body is not in its content-encoding'],
    ['deflate', 'the body is not in its content-encoding'],
  ])('reports a body that cannot be decoded from %s', async (coding, problem) => {
    const outcome = await attemptAgainst((_, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(brotliCompressSync(total));
    });
    expect(outcome).toMatchObject({ kind: 'answered', status: 200, body: '', problem });
  });

  it('stops reading a body that exceeds the limit', async () => {
    const outcome = await attemptAgainst((_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.once('close', () => clearInterval(timer));
    });
    expect(outcome).toEqual({ kind: 'too_large' });
  });

  it('ends at its timeout, even in the middle of a body', async () => {
    const outcome = await attemptAgainst((_, response) => void response.write('{'), 50);
    expect(outcome).toEqual({ kind: 'timeout' });
  });

  it('reports a broken connection by its error code alone', async () => {
    const outcome = await attemptAgainst((request) => void request.socket.resetAndDestroy());
    expect(outcome).toEqual({ kind: 'connection', reason: 'ECONNRESET' });
  });

  it("returns the ids that the upstream's support finds a call by", async () => {
    const outcome = await attemptAgainst((_, response) => {
      response.writeHead(200, { 'x-amzn-RequestId': 'amzn-1', 'x-amz-apigw-id': 'apigw-1' }).end('{}');
    });
    expect(outcome).toEqual({
      kind: 'answered',
      status: 200,
      body: '{}',
      headers: {
        retryAfter: undefined,
        ids: { 'x-amzn-requestid': 'amzn-1', 'x-amz-apigw-id': 'apigw-1' },
        date: expect.any(String),
      },
    });
  });
});
