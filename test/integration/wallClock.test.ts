import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement } from '../support/ids.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const query = `query Total($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity asOf stale } }`;
const variables = { entitlementId: entitlement, customerId: customer };

describe('a wall clock that jumps', () => {
  const gateway = useGateway({
    CACHE_MAX_AGE_SECONDS: '30',
    CACHE_STALE_WHILE_REVALIDATE_SECONDS: '0',
    UPSTREAM_RETRIES: '0',
    UPSTREAM_BREAKER_FAILURES: '1',
    UPSTREAM_BREAKER_RESET_MS: '5000',
  });
  const ask = (customerId = customer) => gateway.gql(query, { ...variables, customerId });
  const codesOf = ({ body }: Awaited<ReturnType<typeof ask>>) =>
    body.errors?.map(({ extensions }) => extensions.code) ?? [];

  it.each([
    ['back by an hour', -hourMs],
    ['back by a day', -dayMs],
  ])('%s keeps no total fresh for longer than CACHE_MAX_AGE_SECONDS', async (_, ms) => {
    gateway.stopClock();
    await ask();
    gateway.jump(ms);
    gateway.advance(29_999);
    expect((await ask()).headers.get('cache-control')).toBe('private, max-age=0');
    expect(gateway.simulator.requests).toBe(1);
    gateway.advance(1);
    await ask();
    expect(gateway.simulator.requests).toBe(2);
  });

  it('back by an hour raises no max-age above CACHE_MAX_AGE_SECONDS', async () => {
    gateway.stopClock();
    await ask();
    gateway.jump(-hourMs);
    for (let n = 0; n < 3; n += 1)
      expect((await ask()).headers.get('cache-control')).toBe('private, max-age=30');
  });

  it('back by an hour does not keep a newer number out of the cache', async () => {
    gateway.stopClock();
    await ask();
    gateway.jump(-hourMs);
    gateway.advance(31_000);
    await ask();
    await ask();
    expect(gateway.simulator.requests).toBe(2);
    const { body } = await ask();
    expect(Date.parse(body.data.customerEntitlementTotal.asOf)).toBe(gateway.now());
  });

  it('forward by a day keeps a fresh total fresh', async () => {
    await ask();
    gateway.jump(dayMs);
    expect((await ask()).body.data.customerEntitlementTotal).toMatchObject({ stale: false });
    expect(gateway.simulator.requests).toBe(1);
  });

  it.each([
    ['back', -hourMs],
    ['forward', hourMs],
  ])('%s by an hour neither lengthens nor shortens the time of an open circuit', async (_, ms) => {
    gateway.stopClock();
    expect(codesOf(await ask(customerOf('0500')))).toEqual(['UPSTREAM_UNAVAILABLE']);
    gateway.jump(ms);
    gateway.advance(4999);
    expect(codesOf(await ask())).toEqual(['UPSTREAM_UNAVAILABLE']);
    expect(gateway.simulator.requests).toBe(1);
    gateway.advance(1);
    expect(codesOf(await ask())).toEqual([]);
  });

  it.each([
    ['back', -hourMs],
    ['forward', hourMs],
  ])('%s by an hour neither lengthens nor shortens the pause of a 429', async (_, ms) => {
    gateway.stopClock();
    expect(codesOf(await ask(customerOf('0429')))).toEqual(['UPSTREAM_RATE_LIMITED']);
    gateway.jump(ms);
    gateway.advance(999);
    expect(codesOf(await ask())).toEqual(['UPSTREAM_RATE_LIMITED']);
    gateway.advance(1);
    expect(codesOf(await ask())).toEqual([]);
  });
});
