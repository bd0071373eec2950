import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { survive, toOutcome } from '../../support/attack.ts';
import { type Gateway, useReplicas } from '../../support/gateway.ts';
import { apiKey, customer, entitlement, organisation, totalQuery } from '../../support/ids.ts';

let answer: RequestListener = (_, response) => response.end();
let received: string[] = [];
const upstream = createServer((request, response) => answer(request, response));
const redirectTarget = createServer((request, response) => {
  received.push(JSON.stringify(request.headers));
  response.end(JSON.stringify({ entitlement, customer, quantity: 666 }));
});
const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  for (const server of [upstream, redirectTarget]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});
afterAll(() => {
  for (const server of [upstream, redirectTarget]) server.close().closeAllConnections();
});

const total = (quantity: string) =>
  `{"entitlement":"${entitlement}","customer":"${customer}","quantity":${quantity}}`;

describe('a compromised upstream', () => {
  const [gateway] = useReplicas(1, () => ({
    ZENSKAR_URL: urlOf(upstream),
    UPSTREAM_RETRIES: '0',
    UPSTREAM_BREAKER_FAILURES: '1000',
    CACHE_MAX_AGE_SECONDS: '0',
  })) as [Gateway];
  const ask = async () =>
    toOutcome(
      await gateway.fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: totalQuery,
          variables: { entitlementId: entitlement, customerId: customer },
        }),
      }),
    );

  it.each([301, 302, 303, 307, 308])('that redirects with %i is not followed', async (status) => {
    received = [];
    answer = (_, response) =>
      response.writeHead(status, { location: `${urlOf(redirectTarget)}/total` }).end();
    const outcome = await survive(gateway, ask);
    expect(outcome).toMatchObject({ status: 200, code: 'UPSTREAM_UNAVAILABLE' });
    expect(received).toEqual([]);
  });

  it.each<[string, RequestListener]>([
    [
      'an endless body',
      (_, response) => {
        const chunk = Buffer.alloc(65_536, ' ');
        const write = () => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', write);
        write();
      },
    ],
    [
      'a compressed body',
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.alloc(1000, 31));
      },
    ],
    ['60,000 nested lists', (_, response) => void response.end('['.repeat(60_000))],
    ['__proto__', (_, response) => void response.end(`{"__proto__":${total('1')}}`)],
    [
      'a total of another customer',
      (_, response) => void response.end(total('1').replace(customer, entitlement)),
    ],
    ['a list as quantity', (_, response) => void response.end(total('[1]'))],
    ['a quantity of 1e999', (_, response) => void response.end(total('1e999'))],
    ['a string as quantity', (_, response) => void response.end(total('"Infinity"'))],
  ])('that sends %s makes the total UPSTREAM_INVALID_RESPONSE', async (_, listener) => {
    answer = listener;
    expect(await survive(gateway, ask)).toMatchObject({ status: 200, code: 'UPSTREAM_INVALID_RESPONSE' });
  });

  it.each<[string, Record<string, string>]>([
    ['set-cookie', { 'set-cookie': 'session=evil' }],
    ['access-control-allow-origin', { 'access-control-allow-origin': '*' }],
    ['x-injected', { 'x-injected': 'yes' }],
  ])('cannot set the header %s of the response', async (name, headers) => {
    answer = (_, response) => response.writeHead(200, headers).end(total('1'));
    const outcome = await survive(gateway, ask);
    expect(outcome).toMatchObject({ status: 200, code: undefined });
    expect(outcome.headers.get(name)).toBeNull();
  });

  it('that echoes the request headers reveals no credentials to the client or the log', async () => {
    answer = (request, response) => {
      const text = JSON.stringify(request.headers);
      response.writeHead(422).end(
        JSON.stringify({
          detail: [{ loc: ['query'], msg: 'x', type: 'y', input: text, ctx: text, url: text }],
        }),
      );
    };
    const outcome = await survive(gateway, ask);
    expect(outcome).toMatchObject({ status: 200, code: 'BAD_USER_INPUT' });
    for (const secret of [apiKey, organisation]) {
      expect(outcome.body).not.toContain(secret);
      expect(JSON.stringify(gateway.log)).not.toContain(secret);
    }
    expect(outcome.body).not.toContain(urlOf(upstream));
  });
});
