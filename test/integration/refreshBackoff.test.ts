import { describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, idOf } from '../support/ids.ts';

const query = `query ($entitlementId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: "${customer}") { quantity stale }
}`;
const seconds = 1000;

describe('a cached total whose refresh fails', () => {
  // The deadline is shorter than the pause after a 429, so that no request waits for its end.
  const gateway = useGateway({ UPSTREAM_ATTEMPT_TIMEOUT_MS: '50', UPSTREAM_DEADLINE_MS: '400' });
  const { simulator } = gateway;
  const ask = async (entitlementId = entitlement) =>
    (await gateway.gql(query, { entitlementId })).body.data?.customerEntitlementTotal;
  const readMetric = async (name: string) => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  const stale = { quantity: expectedQuantity(), stale: true };

  // Attempts for one load, times three loads: at once, after up to 1 s and after up to 2 s more.
  it.each([
    ['a 429 without Retry-After', '1429', 3],
    ['a 408', '9408', 9],
    ['a 503', '0503', 9],
    ['a timeout', '9999', 9],
    ['a 403 for the credentials of the gateway', '0403', 3],
  ])(
    'is not asked for with each of 60 questions in 3 s while the upstream answers with %s',
    async (...args) => {
      const [, code, maxCalls] = args;
      gateway.stopClock();
      expect(await ask()).toEqual({ ...stale, stale: false });
      gateway.advance(91 * seconds);
      simulator.overall = { mode: 'as', code };
      const skippedBefore = await readMetric('upstream_refreshes_skipped_total');
      for (let n = 0; n < 60; n += 1) {
        expect(await ask()).toEqual(stale);
        gateway.advance(50);
      }
      const calls = simulator.requests - 1;
      expect(calls).toBeGreaterThanOrEqual(2);
      expect(calls).toBeLessThanOrEqual(maxCalls);
      expect(await readMetric('upstream_refreshes_skipped_total')).toBeGreaterThan(skippedBefore);
      if (code === '1429') expect(await readMetric('upstream_pauses_total')).toBe(calls);
      simulator.overall = { mode: 'ok' };
      gateway.advance(30 * seconds);
      expect(await ask()).toEqual({ ...stale, stale: false });
    },
  );

  it('is not refreshed behind each response either', async () => {
    gateway.stopClock();
    await ask();
    gateway.advance(31 * seconds);
    simulator.overall = { mode: 'as', code: '0403' };
    for (let n = 0; n < 60; n += 1) {
      expect(await ask()).toEqual(stale);
      await until(() => simulator.inFlight === 0);
      gateway.advance(50);
    }
    expect(simulator.requests - 1).toBeLessThanOrEqual(4);
  });

  it('is asked for again at once after a caller has left before the answer', async () => {
    gateway.stopClock();
    await ask();
    gateway.advance(91 * seconds);
    simulator.overall = { mode: 'as', code: '9999' };
    const leaving = new AbortController();
    const left = gateway
      .gql(query, { entitlementId: entitlement }, { signal: leaving.signal })
      .catch(() => {});
    await until(() => simulator.inFlight === 1);
    leaving.abort();
    await left;
    await until(() => simulator.inFlight === 0);
    simulator.overall = { mode: 'ok' };
    expect(await ask()).toEqual({ ...stale, stale: false });
  });

  it('does not keep a total that is not cached from being asked for', async () => {
    gateway.stopClock();
    await ask();
    gateway.advance(91 * seconds);
    simulator.overall = { mode: 'as', code: '0403' };
    await ask();
    for (let n = 0; n < 5; n += 1) expect(await ask(idOf(1))).toBeNull();
    expect(simulator.requests).toBe(1 + 1 + 5);
  });
});
