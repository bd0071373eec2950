import { describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity } from '../support/ids.ts';

const query = `query ($customerId: UUID!) {
  customerEntitlementTotal(entitlementId: "${entitlement}", customerId: $customerId) { quantity asOf stale }
}`;
const seconds = 1000;

describe('a cached total', () => {
  const gateway = useGateway({ UPSTREAM_RETRIES: '0' });
  const { simulator } = gateway;
  const ask = async (customerId = customer) => {
    const { headers, body } = await gateway.gql(query, { customerId });
    return {
      total: body.data?.customerEntitlementTotal,
      code: body.errors?.[0].extensions.code,
      cacheControl: headers.get('cache-control'),
    };
  };

  it('is served without an upstream call while it is fresh, with its remaining time in cache-control', async () => {
    const first = await ask();
    expect(first).toEqual({
      total: { quantity: expectedQuantity(), asOf: expect.any(String), stale: false },
      code: undefined,
      cacheControl: expect.stringMatching(/^private, max-age=(29|30)$/),
    });
    gateway.advance(20 * seconds);
    expect(await ask()).toEqual({
      ...first,
      cacheControl: expect.stringMatching(/^private, max-age=(9|10)$/),
    });
    expect(simulator.requests).toBe(1);
  });

  it('is served at once as stale while one upstream call refreshes it', async () => {
    const first = await ask();
    gateway.advance(31 * seconds);
    simulator.overall = { mode: 'slow', ms: 100 };
    const answers = await Promise.all([ask(), ask(), ask()]);
    // The refresh is still running: no request waited for it.
    expect(simulator.inFlight).toBe(1);
    for (const answer of answers) {
      expect(answer).toEqual({
        total: { ...first.total, stale: true },
        code: undefined,
        cacheControl: 'no-store',
      });
    }
    await until(() => simulator.inFlight === 0);
    expect(simulator.requests).toBe(2);
    const refreshed = await ask();
    expect(refreshed.total).toMatchObject({ quantity: expectedQuantity(), stale: false });
    expect(Date.parse(refreshed.total.asOf)).toBeGreaterThan(Date.parse(first.total.asOf));
    expect(simulator.requests).toBe(2);
  });

  it.each(['down', 'unreachable'])(
    'is served as stale, without an error, while the upstream is %s',
    async (how) => {
      const first = await ask();
      gateway.advance(91 * seconds);
      simulator.overall = how === 'down' ? { mode: 'down' } : { mode: 'reset' };
      expect(await ask()).toEqual({
        total: { ...first.total, stale: true },
        code: undefined,
        cacheControl: 'no-store',
      });
      expect(simulator.requests).toBe(2);
    },
  );

  it('is replaced by an error when it is older than stale-if-error allows', async () => {
    await ask();
    gateway.advance((30 + 60 + 86_400) * seconds);
    simulator.overall = { mode: 'down' };
    expect(await ask()).toEqual({ total: null, code: 'UPSTREAM_UNAVAILABLE', cacheControl: 'no-store' });
  });

  it('is fetched again before it is served when it is older than stale-while-revalidate allows', async () => {
    await ask();
    gateway.advance(91 * seconds);
    expect((await ask()).total).toMatchObject({ stale: false });
    expect(simulator.requests).toBe(2);
  });

  it.each([
    ['0404', 'NOT_FOUND'],
    ['0422', 'BAD_USER_INPUT'],
    ['0400', 'BAD_USER_INPUT'],
  ])(
    'is not served when the upstream rejects the call with %s, and the rejection is not cached',
    async (behaviour, code) => {
      await ask();
      simulator.overall = { mode: 'as', code: behaviour };
      // During stale-if-error the upstream is called first, so the rejection is returned.
      gateway.advance(91 * seconds);
      expect(await ask()).toEqual({ total: null, code, cacheControl: 'no-store' });
      expect(await ask()).toEqual({ total: null, code, cacheControl: 'no-store' });
      expect(simulator.requests).toBe(3);
      simulator.overall = { mode: 'ok' };
      expect((await ask()).total).toMatchObject({ stale: false });
      // During stale-while-revalidate the refresh behind the first answer meets the rejection.
      gateway.advance(31 * seconds);
      simulator.overall = { mode: 'as', code: behaviour };
      expect((await ask()).total).toMatchObject({ stale: true });
      await until(() => simulator.requests === 5 && simulator.inFlight === 0);
      await until(() => gateway.log.filter(({ msg }) => msg === 'upstreamCallEnded').length === 5);
      expect(await ask()).toEqual({ total: null, code, cacheControl: 'no-store' });
    },
  );

  it.each([
    ['a 429', '0429'],
    ["a 401 for the gateway's own credentials", '0401'],
    ["a 403 for the gateway's own credentials", '0403'],
    ["a 422 about a header, which is the gateway's own", '3422'],
    ['a 408', '9408'],
    ['a redirect', '9302'],
    ['the 401 page of an ingress', '9401'],
    ['the 403 page of a firewall', '9403'],
    ['the 404 page of an ingress', '9404'],
    ['no total at all', '5200'],
  ])('is served as stale while the upstream answers with %s', async (_, code) => {
    const first = await ask();
    gateway.advance(91 * seconds);
    simulator.overall = { mode: 'as', code };
    expect((await ask()).total).toEqual({ ...first.total, stale: true });
    gateway.advance(31 * seconds);
    expect((await ask()).total).toEqual({ ...first.total, stale: true });
  });

  it('gets no-store next to an error, and the shorter remaining time next to another total', async () => {
    await ask();
    gateway.advance(10 * seconds);
    const both = `query ($other: UUID!) {
      old: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity }
      other: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: $other) { quantity }
    }`;
    const withNew = await gateway.gql(both, { other: customerOf('0001') });
    expect(withNew.headers.get('cache-control')).toMatch(/^private, max-age=(19|20)$/);
    const withError = await gateway.gql(both, { other: customerOf('0404') });
    expect(withError.headers.get('cache-control')).toBe('no-store');
    expect((await gateway.gql('{ __typename }')).headers.get('cache-control')).toBe('no-store');
  });

  it('is logged with its source', async () => {
    await ask();
    await ask();
    gateway.advance(31 * seconds);
    await ask();
    const lines = gateway.log.filter(({ msg }) => msg === 'operationEnded');
    expect(lines.map(({ totals }) => totals)).toEqual([{ upstream: 1 }, { memory: 1 }, { stale: 1 }]);
  });
});

describe('with CACHE_MAX_AGE_SECONDS=0', () => {
  const gateway = useGateway({ CACHE_MAX_AGE_SECONDS: '0' });

  it('every request calls the upstream, and responses are not cacheable', async () => {
    for (let n = 0; n < 2; n += 1) {
      const { headers, body } = await gateway.gql(query, { customerId: customer });
      expect(body.data?.customerEntitlementTotal.stale).toBe(false);
      expect(headers.get('cache-control')).toBe('private, max-age=0');
    }
    expect(gateway.simulator.requests).toBe(2);
  });

  it('concurrent requests still share one upstream call', async () => {
    gateway.simulator.overall = { mode: 'slow', ms: 500 };
    await Promise.all(Array.from({ length: 20 }, () => gateway.gql(query, { customerId: customer })));
    expect(gateway.simulator.requests).toBe(1);
  });
});
