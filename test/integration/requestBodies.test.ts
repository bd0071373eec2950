import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { post as send, survive } from '../support/attack.ts';
import { until, useGateway } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';
import { run } from '../support/process.ts';

const maxBytes = 262_144;
const text = JSON.stringify({
  query: totalQuery,
  variables: { entitlementId: entitlement, customerId: customer },
});
const answered = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };
const gateway = useGateway();

async function post(body: string | Buffer, headers: Record<string, string>) {
  const response = await gateway.fetch('/graphql', {
    method: 'POST',
    body: Buffer.from(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

describe('a request body', () => {
  it.each<[coding: string, body: string | Buffer]>([
    ['identity', text],
    ['Identity', text],
    ['gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
  ])('with content-encoding %s is answered', async (coding, body) => {
    const { status, body: answer } = await post(body, { 'content-encoding': coding });
    expect({ status, answer }).toEqual({ status: 200, answer: answered });
  });

  it('hits the response cache however the same text is encoded', async () => {
    await post(text, {});
    await post(gzipSync(text), { 'content-encoding': 'gzip' });
    await post(gzipSync(text, { level: 1 }), { 'content-encoding': 'x-gzip' });
    await post(deflateSync(text), { 'content-encoding': 'deflate' });
    const results = gateway.log.flatMap(({ msg, responseCache }) =>
      msg === 'operationEnded' ? responseCache : [],
    );
    expect(results).toEqual(['miss', 'hit', 'hit', 'hit']);
  });

  it('that starts with a byte order mark is answered each time', async () => {
    for (let n = 0; n < 8; n += 1) {
      gateway.advance(1_000_000);
      expect(await post(`\uFEFF${text}`, {})).toMatchObject({ status: 200, body: answered });
      expect(await post(`\uFEFF${text}`, {})).toMatchObject({ status: 200, body: answered });
    }
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; charset="UTF8"',
    'Application/JSON; Charset=Utf8',
    'application/json; charset=utf-8; profile=x',
    'application/json;',
  ])('of content-type %s is answered', async (type) => {
    expect(await post(text, { 'content-type': type })).toMatchObject({ status: 200, body: answered });
  });

  it.each([
    ['utf-16', 'utf-16', 'utf-16'],
    ['"ISO-8859-1"', '"ISO-8859-1"', 'ISO-8859-1'],
    ['of 9,000 characters', 'x'.repeat(9000), 'x'.repeat(40)],
  ])(
    'in the charset %s is rejected with status 415 and the name of the charset',
    async (_, charset, named) => {
      const { status, body } = await post(text, { 'content-type': `application/json; charset=${charset}` });
      expect({ status, message: body.errors[0].message }).toEqual({
        status: 415,
        message: `Expected a body in UTF-8, not in ${named}.`,
      });
    },
  );

  it.each([
    ['gzip, gzip', 'gzip, gzip'],
    ['identity, gzip', 'identity, gzip'],
    ['gzip and a comma', 'gzip,'],
    ['br', 'br'],
    ['zstd', 'zstd'],
    ['compress', 'compress'],
    ['gzip with a parameter', 'gzip;q=1'],
    ['constructor', 'constructor'],
    ['of 9,000 characters', 'x'.repeat(9000)],
  ])('with content-encoding %s is rejected with status 415 and the accepted codings', async (_, coding) => {
    const { status, headers, body } = await post(gzipSync(gzipSync(text)), { 'content-encoding': coding });
    expect({ status, accepted: headers.get('accept-encoding'), message: body.errors[0].message }).toEqual({
      status: 415,
      accepted: 'gzip, deflate',
      message: 'Expected content-encoding gzip, deflate or identity.',
    });
  });

  it.each<[name: string, coding: string, body: Buffer]>([
    ['a truncated gzip stream', 'gzip', gzipSync(text).subarray(0, -9)],
    ['a gzip stream without its checksum', 'gzip', gzipSync(text).subarray(0, -8)],
    ['a gzip header alone', 'gzip', gzipSync(text).subarray(0, 10)],
    [
      'a gzip stream with garbage at its end',
      'gzip',
      Buffer.concat([gzipSync(text), Buffer.from('garbage')]),
    ],
    [
      'a gzip stream with a wrong checksum',
      'gzip',
      Buffer.concat([gzipSync(text).subarray(0, -8), Buffer.alloc(8)]),
    ],
    ['plain text in place of gzip', 'gzip', Buffer.from(text)],
    ['no bytes in place of gzip', 'gzip', Buffer.alloc(0)],
    ['a truncated deflate stream', 'deflate', deflateSync(text).subarray(0, -5)],
    ['a deflate stream without its header', 'deflate', deflateRawSync(text)],
    ['random bytes in place of deflate', 'deflate', randomBytes(1000)],
  ])('of %s is rejected with status 400', async (_, coding, body) => {
    const { status, body: answer } = await post(body, { 'content-encoding': coding });
    expect({ status, answer }).toEqual({
      status: 400,
      answer: {
        errors: [
          {
            message: 'The body is incomplete or not in its content-encoding.',
            extensions: { code: 'BAD_REQUEST', retryable: false, requestId: expect.any(String) },
          },
        ],
      },
    });
  });

  it.each<[name: string, coding: string, body: Buffer]>([
    ['inflates to one byte over the limit', 'gzip', gzipSync(' '.repeat(maxBytes + 1))],
    ['inflates to 200 MB', 'gzip', gzipSync(Buffer.alloc(200_000_000))],
    ['inflates to 200 MB by deflate', 'deflate', deflateSync(Buffer.alloc(200_000_000))],
    ['its compression makes larger than the limit', 'gzip', gzipSync(randomBytes(maxBytes))],
  ])('that %s is rejected with status 413 by HTTP_MAX_BODY_BYTES', async (_, coding, body) => {
    const { status, body: answer } = await post(body, { 'content-encoding': coding });
    expect({ status, message: answer.errors[0].message }).toEqual({
      status: 413,
      message: 'The body exceeds 262144 bytes.',
    });
    expect(await post(text, {})).toMatchObject({ status: 200, body: answered });
  });

  it.each<[name: string, coding: string, body: Buffer, status: number]>([
    ['inflates to 200 MB', 'gzip', gzipSync(Buffer.alloc(200_000_000)), 413],
    ['inflates to 200 MB by deflate', 'deflate', deflateSync(Buffer.alloc(200_000_000)), 413],
    ['is a truncated gzip stream', 'gzip', gzipSync(' '.repeat(maxBytes)).subarray(0, -9), 400],
    ['has nested codings', 'gzip, gzip', gzipSync(gzipSync(text)), 415],
  ])('that %s takes little CPU time until it is rejected', async (...row) => {
    const [, coding, body, status] = row;
    const headers = { 'content-encoding': coding };
    const outcome = await survive(gateway, () => send(gateway, new Uint8Array(body), headers));
    expect(outcome).toMatchObject({ status, code: 'BAD_REQUEST' });
  });

  it('that inflates to HTTP_MAX_BODY_BYTES exactly is answered', async () => {
    const body = gzipSync(text.padEnd(maxBytes));
    expect(await post(body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 200, body: answered });
  });

  it.each(['gzip', 'deflate'])(
    'that would inflate to 200 MiB by %s takes less than 5 MB of memory until it is rejected',
    async (coding) => {
      const program = run(['test/support/decodeBomb.ts', coding], {});
      expect(await program.exited).toBe(0);
      const { sentBytes, status, grownBytes } = JSON.parse(program.output());
      expect(sentBytes).toBeLessThan(maxBytes);
      expect(status).toBe(413);
      expect(grownBytes).toBeLessThan(5_000_000);
    },
    30_000,
  );

  it.each([
    ['application/json', 'text/plain'],
    ['text/plain', 'application/json'],
    ['application/json', 'application/json'],
  ])('with the two content-type headers %s and %s is rejected with status 415', async (first, second) => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    const types = `content-type: ${first}\r\nContent-Type: ${second}`;
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\n${types}\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    );
    await until(() => received.endsWith('}'));
    socket.destroy();
    expect(received).toMatch(/^HTTP\/1\.1 415 /);
    expect(received).toContain('"message":"Expected one content-type header."');
  });
});
