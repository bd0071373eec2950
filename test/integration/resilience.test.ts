import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Gateway, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';

describe('the gateway with a failing Zenskar', () => {
  const gateway = useGateway({ CACHE_MAX_AGE_SECONDS: '0' });
  const { simulator } = gateway;
  const ask = async (customerId = customer, entitlementId = entitlement) => {
    const { body } = await gateway.gql(totalQuery, { entitlementId, customerId });
    return body.errors ? body.errors[0].extensions : body.data?.customerEntitlementTotal.quantity;
  };

  it('answers a total at the third attempt after two failures', async () => {
    const customerId = customerOf('f503');
    expect(await ask(customerId)).toBe(expectedQuantity({ customerId }));
    expect(simulator.requests).toBe(3);
    const [operation] = gateway.log.filter(({ msg }) => msg === 'operationEnded');
    expect(operation?.upstreamCalls).toBe(3);
  });

  it('makes three attempts at most', async () => {
    expect(await ask(customerOf('0503'))).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      upstream: { status: 503 },
    });
    expect(simulator.requests).toBe(3);
  });

  it('makes further attempts after a connection reset', async () => {
    expect(await ask(customerOf('8888'))).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(simulator.requests).toBe(3);
  });

  it.each(['0400', '0401', '0403', '0404', '0422', '5200', '7200'])(
    'makes a single attempt for simulated behaviour %s',
    async (code) => {
      await ask(customerOf(code));
      expect(simulator.requests).toBe(1);
    },
  );

  it('rejects all totals during the Retry-After time of a 429, then calls Zenskar again', async () => {
    const limited = ask(customerOf('0429'));
    while (simulator.requests === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    while (!gateway.log.some(({ msg }) => msg === 'upstreamPaused'))
      await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await ask()).toEqual({
      code: 'UPSTREAM_RATE_LIMITED',
      retryable: true,
      retryAfterSeconds: 1,
      requestId: expect.any(String),
    });
    expect(simulator.requests).toBe(1);
    gateway.advance(1000);
    expect(await ask()).toBe(expectedQuantity());
    expect(await limited).toMatchObject({ code: 'UPSTREAM_RATE_LIMITED', retryAfterSeconds: 1 });
  });

  it('opens the circuit while Zenskar is down, and probes Zenskar after the reset time', async () => {
    // On a busy machine, the operations take longer than the reset time.
    gateway.stopClock();
    simulator.overall = { mode: 'down' };
    const codes = new Set<string>();
    for (let n = 0; n < 1000; n += 50) {
      const wave = await Promise.all(Array.from({ length: 50 }, (_, m) => ask(customer, idOf(n + m))));
      for (const { code } of wave) codes.add(code);
    }
    expect(codes).toEqual(new Set(['UPSTREAM_UNAVAILABLE']));
    // Ten failures open the circuit. Up to 50 calls in flight by then and ten budgeted retries come on top.
    expect(simulator.requests).toBeLessThanOrEqual(10 + 50 + 10);
    const before = simulator.requests;
    expect(await ask()).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryAfterSeconds: expect.any(Number),
    });
    gateway.advance(5000);
    // Half-open: one call probes Zenskar, and fails.
    await Promise.all(Array.from({ length: 20 }, (_, n) => ask(customer, idOf(n))));
    expect(simulator.requests).toBe(before + 1);
    simulator.overall = { mode: 'ok' };
    gateway.advance(5000);
    expect(await ask()).toBe(expectedQuantity());
    expect(await ask(customerOf('0001'))).toBe(expectedQuantity({ customerId: customerOf('0001') }));
    const states = gateway.log.filter(({ msg }) => msg === 'circuitChanged').map(({ state }) => state);
    expect(states).toEqual(['open', 'halfOpen', 'open', 'halfOpen', 'closed']);
  });

  it('makes ten calls for 1000 sequential operations while Zenskar is down', async () => {
    // On a busy machine, the operations take longer than the reset time.
    gateway.stopClock();
    simulator.overall = { mode: 'down' };
    for (let n = 0; n < 1000; n += 1) await ask(customer, idOf(n));
    expect(simulator.requests).toBe(10);
  });
});

describe('a Zenskar that never answers', () => {
  const gateway = useGateway({
    UPSTREAM_ATTEMPT_TIMEOUT_MS: '200',
    UPSTREAM_DEADLINE_MS: '500',
    UPSTREAM_RETRIES: '10',
  });
  const variables = { entitlementId: entitlement, customerId: customerOf('9999') };

  it('makes a total UPSTREAM_TIMEOUT at the deadline, which covers queue, attempts and pauses', async () => {
    const { body } = await gateway.gql(totalQuery, variables);
    expect(body.errors?.[0].extensions).toEqual({
      code: 'UPSTREAM_TIMEOUT',
      retryable: true,
      requestId: expect.any(String),
    });
    const [operation] = gateway.log.filter(({ msg }) => msg === 'operationEnded');
    // Eleven attempts would take more than two seconds. (Measured: 502 to 530 ms.)
    expect(operation?.durationMs).toBeLessThan(1500);
    const timeouts = gateway.log.filter(({ msg }) => msg === 'upstreamCallEnded');
    expect(gateway.simulator.requests).toBeGreaterThanOrEqual(2);
    expect(timeouts.length).toBeGreaterThanOrEqual(1);
    expect(timeouts.map(({ result }) => result)).toEqual(timeouts.map(() => 'timeout'));
  });
});

describe('a total whose deadline passes in the queue', () => {
  const gateway = useGateway({
    UPSTREAM_CONCURRENCY: '1',
    UPSTREAM_DEADLINE_MS: '150',
    UPSTREAM_RETRIES: '0',
  });

  it('is UPSTREAM_TIMEOUT, with at most one upstream call per total', async () => {
    const first = gateway.gql(totalQuery, { entitlementId: idOf(1), customerId: customerOf('9999') });
    const second = gateway.gql(totalQuery, { entitlementId: idOf(2), customerId: customerOf('9999') });
    for (const { body } of await Promise.all([first, second])) {
      expect(body.errors?.[0].extensions.code).toBe('UPSTREAM_TIMEOUT');
    }
    expect(gateway.simulator.requests).toBeLessThanOrEqual(2);
  });
});

describe('an upstream 408', () => {
  let status = 200;
  let calls = 0;
  const upstream = createServer(({ url = '' }, response) => {
    calls += 1;
    const [, , entitlementId, , customerId] = url.split('/');
    response.writeHead(status);
    response.end(JSON.stringify({ entitlement: entitlementId, customer: customerId, quantity: 7 }));
  });
  beforeAll(async () => {
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
  });
  afterAll(() => void upstream.close().closeAllConnections());
  const [gateway] = useReplicas(1, () => ({
    ZENSKAR_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    UPSTREAM_RETRIES: '0',
    UPSTREAM_BREAKER_FAILURES: '3',
  }));
  const ask = async () => {
    const query = `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity stale } }`;
    const { body } = await (gateway as Gateway).gql(query);
    return body.errors ? body.errors[0].extensions : body.data?.customerEntitlementTotal;
  };

  it('is a failure like a timeout: a stale total is served, and the circuit opens', async () => {
    status = 408;
    expect(await ask()).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retryable: true, upstream: { status } });
    status = 200;
    expect(await ask()).toEqual({ quantity: 7, stale: false });
    gateway?.advance(91_000);
    status = 408;
    // If a 408 removed the cached total, the second request would fail. After the third, the circuit is open.
    for (let n = 0; n < 5; n += 1) {
      expect(await ask()).toEqual({ quantity: 7, stale: true });
      // The backoff takes up to 1, 2 and 4 s.
      gateway?.advance(1000 * 2 ** Math.min(n, 1));
    }
    expect(calls).toBe(2 + 3);
    expect(gateway?.log.filter(({ msg }) => msg === 'circuitChanged')).toMatchObject([{ state: 'open' }]);
  });
});
