import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type Outcome, post, sendRaw, survive, toOutcome } from '../../support/attack.ts';
import { useGateway } from '../../support/gateway.ts';
import { customer, entitlement, totalQuery } from '../../support/ids.ts';

const app = 'https://app.example.com';
const gateway = useGateway({ CORS_ORIGINS: app, UPSTREAM_RETRIES: '0' });
const body = JSON.stringify({ query: '{ __typename }' });

/** A request as bytes. It asks the gateway to close the connection, which ends the response. */
const request = (line: string, headers: string[] = [], content = '') =>
  `${[line, 'host: x', 'connection: close', ...headers].join('\r\n')}\r\n\r\n${content}`;
const postHead = (headers: string[], content = body) =>
  request('POST /graphql HTTP/1.1', ['content-type: application/json', ...headers], content);
const ofLength = `content-length: ${body.length}`;

describe('a malformed request', () => {
  it.each<[name: string, bytes: string | Uint8Array, status: number]>([
    ['with a header of 20,000 characters', request('GET /livez HTTP/1.1', [`x: ${'x'.repeat(20_000)}`]), 431],
    [
      'with 5,000 headers',
      request(
        'GET /livez HTTP/1.1',
        Array.from({ length: 5000 }, (_, n) => `x${n}: ${n}`),
      ),
      431,
    ],
    ['with a URL of 20,000 characters', request(`GET /${'x'.repeat(20_000)} HTTP/1.1`), 414],
    ['with a URL of 20,000 characters that does not end', `GET /${'x'.repeat(20_000)}`, 414],
    [
      'with a URL and a header of 10,000 characters each',
      request(`GET /${'x'.repeat(10_000)} HTTP/1.1`, [`x: ${'x'.repeat(10_000)}`]),
      431,
    ],
    ['of garbage bytes', '\u0000\u0001\u0002 garbage\r\n\r\n', 400],
    ['of a TLS handshake', new Uint8Array([22, 3, 1, 0, 5, 1, 0, 0, 1, 0, 13, 10, 13, 10]), 400],
    ['of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['with garbage after a valid request', `${postHead([ofLength])}garbage\r\n\r\n`, 400],
    ['with an unknown method', request('EVIL / HTTP/1.1'), 400],
    ['with two content-length headers', postHead([ofLength, 'content-length: 1']), 400],
    ['with content-length and transfer-encoding', postHead([ofLength, 'transfer-encoding: chunked']), 400],
    [
      'with a space after the name transfer-encoding',
      postHead(['transfer-encoding : chunked'], `0\r\n\r\n`),
      400,
    ],
    ['with two chunked encodings', postHead(['transfer-encoding: chunked, chunked'], '0\r\n\r\n'), 400],
    ['with a negative content-length', postHead(['content-length: -1']), 400],
    ['with a hexadecimal content-length', postHead(['content-length: 0x1f']), 400],
    ['with a content-length of 2^64', postHead(['content-length: 18446744073709551616']), 400],
    ['with a chunk of invalid size', postHead(['transfer-encoding: chunked'], 'zz\r\n'), 400],
    [
      'with a header folded over two lines',
      request('GET /livez HTTP/1.1', ['x-request-id: a\r\n b: c']),
      400,
    ],
    ['with a NUL in a header', request('GET /livez HTTP/1.1', ['x-request-id: a\u0000b']), 400],
    [
      'with a bare line feed in a header',
      request('GET /livez HTTP/1.1', ['x-request-id: a\nset-cookie: b']),
      400,
    ],
    ['with a NUL in the path', request('GET /li\u0000vez HTTP/1.1'), 400],
    ['with a space in the path', request('GET /livez /x HTTP/1.1'), 400],
  ])('%s is rejected and its connection is closed', async (_, bytes, status) => {
    const outcome = await survive(gateway, () => sendRaw(gateway, bytes));
    expect(outcome).toMatchObject({ status, code: 'BAD_REQUEST' });
    expect(outcome.headers.get('connection')).toBe('close');
  });

  it('without a host header is rejected with a bare status 400', async () => {
    const outcome = await survive(gateway, () => sendRaw(gateway, 'GET /livez HTTP/1.1\r\n\r\n'));
    expect(outcome).toMatchObject({ status: 400, code: undefined });
  });
});

describe('an unsupported request', () => {
  it.each<[name: string, bytes: string, expected: [status: number, code?: string]]>([
    ['for a path outside the root', request('GET /../../etc/passwd HTTP/1.1'), [404, 'BAD_REQUEST']],
    [
      'for an escaped path outside the root',
      request('GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1'),
      [404, 'BAD_REQUEST'],
    ],
    ['for a path with two slashes', request('GET //livez HTTP/1.1'), [404, 'BAD_REQUEST']],
    ['for another host', request('GET http://evil.example.com/secret HTTP/1.1'), [404, 'BAD_REQUEST']],
    ['with OPTIONS *', request('OPTIONS * HTTP/1.1'), [404, 'BAD_REQUEST']],
    [
      'for /purge of the admin listener',
      request('POST /purge HTTP/1.1', ['content-length: 0']),
      [404, 'BAD_REQUEST'],
    ],
    ['for /metrics of the admin listener', request('GET /metrics HTTP/1.1'), [404, 'BAD_REQUEST']],
    ['with the method TRACE', request('TRACE /graphql HTTP/1.1'), [405, 'BAD_REQUEST']],
    ['with the method DELETE', request('DELETE /graphql HTTP/1.1'), [405, 'BAD_REQUEST']],
    [
      'that overrides its method',
      request('GET /graphql HTTP/1.1', ['x-http-method-override: POST']),
      [400, 'BAD_REQUEST'],
    ],
    [
      'that upgrades to WebSocket',
      request('GET /graphql HTTP/1.1', ['upgrade: websocket']),
      [400, 'BAD_REQUEST'],
    ],
    ['with an unknown expectation', postHead([ofLength, 'expect: 200-maybe']), [417]],
    ['with a content-length over the limit', postHead(['content-length: 999999999']), [413, 'BAD_REQUEST']],
    ['with a body in Brotli', postHead([ofLength, 'content-encoding: br']), [415, 'BAD_REQUEST']],
    ['with a body that is not gzip', postHead([ofLength, 'content-encoding: gzip']), [400, 'BAD_REQUEST']],
  ])(
    '%s gets an error status',
    async (_, bytes, [status, code]) => {
      const outcome = await survive(gateway, () => sendRaw(gateway, bytes));
      expect(outcome).toMatchObject({ status, code });
    },
    10_000,
  );

  it('with the method CONNECT opens no tunnel', async () => {
    const outcome = await sendRaw(
      gateway,
      'CONNECT evil.example.com:443 HTTP/1.1\r\nhost: evil.example.com:443\r\n\r\n',
    );
    expect(outcome.body).toBe('');
    expect(outcome.status).not.toBe(200);
  });
});

describe('a pipeline of 1,000 requests', () => {
  it('is answered in order', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    const probe = (n: number) => `GET /livez HTTP/1.1\r\nhost: x\r\nx-request-id: n${n}\r\n\r\n`;
    socket.write(
      `${Array.from({ length: 999 }, (_, n) => probe(n)).join('')}${request('GET /livez HTTP/1.1')}`,
    );
    await new Promise((resolve) => socket.once('close', resolve));
    const ids = [...text.matchAll(/x-request-id: n(\d+)/gi)].map(([, n]) => Number(n));
    expect(ids).toEqual(Array.from({ length: 999 }, (_, n) => n));
  });
});

describe('a page in a browser', () => {
  const search = `?query=${encodeURIComponent('{ __typename }')}`;

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain;application/json',
  ])('that sends a POST as %s is rejected with status 415', async (type) => {
    const outcome = await survive(gateway, () => post(gateway, body, { 'content-type': type }));
    expect(outcome).toMatchObject({ status: 415, code: 'BAD_REQUEST' });
  });

  it.each<[string, Record<string, string>]>([
    ['without headers', {}],
    ['as a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['as an upload', { 'content-type': 'multipart/form-data' }],
    ['as text', { 'content-type': 'text/plain' }],
    ['as text that mentions JSON', { 'content-type': 'text/plain; x=application/json' }],
  ])('that sends a GET %s is rejected as a CSRF risk', async (_, headers) => {
    const outcome = await survive(gateway, async () =>
      toOutcome(await gateway.fetch(`/graphql${search}`, { headers })),
    );
    expect(outcome).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(outcome.body).toMatch(/CSRF/);
  });

  it.each([
    'null',
    'https://evil.example.com',
    'https://app.example.com.evil.example.com',
    'https://evil.example.com/https://app.example.com',
    'https://xapp.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://APP.example.com',
    '*',
    'https://app.example.com, https://evil.example.com',
  ])('with the origin %s gets no CORS headers', async (origin) => {
    const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } };
    for (const outcome of [
      await survive(gateway, async () => toOutcome(await gateway.fetch('/graphql', preflight))),
      await survive(gateway, () => post(gateway, body, { origin })),
    ]) {
      expect(outcome.headers.get('access-control-allow-origin')).toBeNull();
      expect(outcome.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  it('with an allowed origin gets CORS headers for this origin, without credentials', async () => {
    const { headers } = await post(gateway, body, { origin: app });
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });
});

describe('a request header', () => {
  const send = async (headers: Record<string, string>) => {
    gateway.simulator.requestHeaders.length = 0;
    const variables = {
      entitlementId: entitlement,
      customerId: customer,
      startDate: Math.trunc(Math.random() * 1e9),
    };
    const outcome = await post(gateway, JSON.stringify({ query: totalQuery, variables }), headers);
    expect(outcome).toMatchObject({ status: 200, code: undefined });
    return { outcome, upstream: gateway.simulator.requestHeaders[0] ?? {} };
  };

  it.each([
    ['with an escaped line break', 'a%0d%0aset-cookie: x=1'],
    ['with markup', '<script>alert(1)</script>'],
    ['with the fields of a log line', '","level":"fatal","msg":"x'],
  ])('x-request-id %s is kept as one value in the response, upstream and in the log', async (_, value) => {
    const { outcome, upstream } = await send({ 'x-request-id': value });
    expect(outcome.headers.get('x-request-id')).toBe(value);
    expect(outcome.headers.get('set-cookie')).toBeNull();
    expect(outcome.headers.get('content-type')).toMatch(/^application\/json/);
    expect(upstream['x-request-id']).toBe(value);
    const lines = gateway.log.filter(({ requestId }) => requestId === value);
    expect(lines.map(({ level }) => level)).not.toContain('fatal');
  });

  it.each([
    ['x-request-id of 129 characters', { 'x-request-id': 'x'.repeat(129) }],
    ['x-request-id with a tab', { 'x-request-id': 'a\tb' }],
    ['x-request-id with a character outside ASCII', { 'x-request-id': 'é' }],
  ])('%s is replaced by a new id', async (_, headers) => {
    const { outcome, upstream } = await send(headers);
    expect(outcome.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(upstream['x-request-id']).toBe(outcome.headers.get('x-request-id'));
  });

  it.each<[string, Record<string, string>]>([
    ['traceparent with an invalid value', { traceparent: '../../x' }],
    ['traceparent of zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['traceparent of 8,000 characters', { traceparent: '0'.repeat(8000) }],
    ['tracestate of 8,000 characters', { tracestate: 'a=b,'.repeat(2000) }],
    ['x-forwarded-host', { 'x-forwarded-host': 'evil.example.com', forwarded: 'host=evil.example.com' }],
    ['x-api-key', { 'x-api-key': 'stolen', organisation: 'other' }],
    ['cookie', { cookie: 'session=1' }],
    ['authorization', { authorization: 'Bearer token-of-a-caller' }],
    ['x-original-url', { 'x-original-url': '/admin', 'x-rewrite-url': '/admin' }],
  ])('%s is not forwarded', async (_, headers) => {
    const { outcome, upstream } = await send(headers);
    const values = JSON.stringify(upstream);
    for (const [name, value] of Object.entries(headers)) {
      expect(values).not.toContain(value);
      expect(outcome.headers.get(name)).toBeNull();
    }
    expect(outcome.headers.get('set-cookie')).toBeNull();
  });
});

describe('the response headers', () => {
  it('do not name the server software', async () => {
    const outcomes: Outcome[] = [
      await post(gateway, body),
      await toOutcome(await gateway.fetch('/nothing')),
      await sendRaw(gateway, 'garbage\r\n\r\n'),
    ];
    for (const { headers } of outcomes) {
      expect(headers.get('server')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});
