import { describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';

describe('200 concurrent operations for one total', () => {
  const gateway = useGateway({ UPSTREAM_DEADLINE_MS: '60000', UPSTREAM_ATTEMPT_TIMEOUT_MS: '60000' });
  const { simulator } = gateway;
  const variables = { entitlementId: entitlement, customerId: customer };
  const ask = (signal?: AbortSignal) => gateway.gql(totalQuery, variables, signal && { signal });
  const started = () => until(() => simulator.requests === 1 && simulator.inFlight === 1);

  // All must arrive before any of them disconnects: later ones would start another call.
  const arrived = async () => {
    for (let n = 0; n < 3; n += 1) await gateway.fetch('/livez');
  };

  it('make one upstream call', async () => {
    simulator.overall = { mode: 'slow', ms: 200 };
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask()));
    for (const { body } of answers) {
      expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
    }
    expect(simulator.requests).toBe(1);
  });

  it('still get their answers if the client that started the call disconnects', async () => {
    simulator.overall = { mode: 'slow', ms: 600 };
    const leaving = new AbortController();
    const first = ask(leaving.signal);
    await started();
    const others = Array.from({ length: 199 }, () => ask());
    await arrived();
    leaving.abort();
    await expect(first).rejects.toThrow('aborted');
    for (const { body } of await Promise.all(others)) {
      expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
    }
    expect([simulator.requests, simulator.aborted]).toEqual([1, 0]);
  });

  it('abort the upstream call only when all clients have disconnected', async () => {
    simulator.overall = { mode: 'as', code: '9999' };
    const leaving = Array.from({ length: 200 }, () => new AbortController());
    const [last, ...others] = leaving;
    const answers = leaving.map(({ signal }) => expect(ask(signal)).rejects.toThrow('aborted'));
    await started();
    const cancelled = () => gateway.log.filter(({ outcome }) => outcome === 'cancelled').length;
    await arrived();
    for (const controller of others) controller.abort();
    await until(() => cancelled() === 199);
    expect([simulator.requests, simulator.aborted]).toEqual([1, 0]);
    last?.abort();
    await Promise.all(answers);
    await until(() => simulator.aborted === 1);
    expect(simulator.requests).toBe(1);
  });
});

describe('a request for 200 totals', () => {
  const gateway = useGateway({ UPSTREAM_CONCURRENCY: '4', UPSTREAM_ATTEMPT_TIMEOUT_MS: '300' });
  const { simulator } = gateway;
  const list = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
    customerEntitlementTotals(requests: $requests) { quantity }
  }`;
  const requests = (count: number, customerId: string) =>
    Array.from({ length: count }, (_, n) => ({
      entitlementId: `22222222-0000-4000-8000-${n.toString().padStart(12, '0')}`,
      customerId,
    }));

  it('does not delay a request for one other total by more than one round of calls', async () => {
    simulator.overall = { mode: 'slow', ms: 10 };
    const many = gateway.gql(list, { requests: requests(200, customer) });
    await until(() => simulator.requests >= 4);
    const { body } = await gateway.gql(totalQuery, {
      entitlementId: entitlement,
      customerId: customerOf('0001'),
    });
    expect(body.errors).toBeUndefined();
    // Of the fifty rounds that the 200 need, at most one more begins before its turn.
    const position = [...simulator.perKey.keys()].indexOf(`${entitlement}/${customerOf('0001')}`);
    expect(position).toBeLessThan(60);
    expect((await many).body.errors).toBeUndefined();
    expect(simulator.peak).toBeLessThanOrEqual(4);
  });

  it('does not delay a request for one of its own last totals', async () => {
    simulator.overall = { mode: 'slow', ms: 20 };
    const asked = requests(200, customerOf('0002'));
    const many = gateway.gql(list, { requests: asked });
    await until(() => simulator.requests >= 4);
    const last = asked.at(-1);
    const { body } = await gateway.gql(totalQuery, last);
    expect(body.errors).toBeUndefined();
    const position = [...simulator.perKey.keys()].indexOf(`${last?.entitlementId}/${last?.customerId}`);
    expect(position).toBeLessThan(60);
    expect((await many).body.errors).toBeUndefined();
    expect(simulator.requests).toBe(200);
  });

  it('gives each call its whole attempt timeout, however long it waited in the queue', async () => {
    // Ten calls of 100 ms, four at a time, take 300 ms or more: longer than one attempt may.
    const { body } = await gateway.gql(list, { requests: requests(16, customerOf('d064')) });
    expect(body.errors).toBeUndefined();
    expect(simulator.requests).toBe(16);
  });
});
