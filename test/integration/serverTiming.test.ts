import { describe, expect, it } from '@jest/globals';
import { until, useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, totalQuery } from '../support/ids.ts';

const app = 'https://app.example.com';
const variables = { entitlementId: entitlement, customerId: customer };
const from = (origin: string) => ({ headers: { origin } });

/** The headers about the timing; durations as `N`. */
function timingOf(headers: Headers) {
  return {
    allowed: headers.get('timing-allow-origin'),
    timing: headers.get('server-timing')?.replaceAll(/dur=\d+(?=[,;]|$)/g, 'dur=N') ?? null,
  };
}

const total = { allowed: app, timing: 'total;dur=N' };
const hit = { allowed: app, timing: 'cache;desc=hit, total;dur=N' };
const miss = { allowed: app, timing: 'cache;desc=miss, upstream;dur=N, total;dur=N' };
const none = { allowed: null, timing: null };

describe('HTTP_SERVER_TIMING=true', () => {
  const gateway = useGateway({
    HTTP_SERVER_TIMING: 'true',
    CORS_ORIGINS: `${app},capacitor://localhost`,
    UPSTREAM_RETRIES: '0',
  });

  it('sends total, upstream and cache to an allowed origin: miss, memory, response cache', async () => {
    const seen = [];
    for (const query of [totalQuery, `${totalQuery} # another text`, totalQuery]) {
      const { headers } = await gateway.gql(query, variables, from(app));
      seen.push(timingOf(headers));
    }
    expect(seen).toEqual([miss, hit, hit]);
    expect(gateway.log.at(-1)).toMatchObject({ responseCache: 'hit' });
  });

  it('sends the time that the operation waited for Zenskar, and not the sum of its calls', async () => {
    const query = `query ($requests: [CustomerEntitlementTotalRequest!]!) { customerEntitlementTotals(requests: $requests) { quantity } }`;
    const requests = Array.from({ length: 20 }, (_, startDate) => {
      return { ...variables, customerId: customerOf('d3e8'), startDate };
    });
    gateway.stopClock();
    const pending = gateway.gql(query, { requests }, from(app));
    await until(() => gateway.simulator.requests === 20);
    gateway.advance(300);
    const { headers } = await pending;
    expect(headers.get('server-timing')).toBe('cache;desc=miss, upstream;dur=300, total;dur=300');
  });

  it('sends the time of a failed upstream call', async () => {
    const failing = { ...variables, customerId: customerOf('0503') };
    expect(timingOf((await gateway.gql(totalQuery, failing, from(app))).headers)).toEqual(miss);
  });

  it('sends only the total without totals, and for a rejected request', async () => {
    expect(timingOf((await gateway.gql('{ __typename }', {}, from(app))).headers)).toEqual(total);
    expect(timingOf((await gateway.gql('{', {}, from(app))).headers)).toEqual(total);
    const { headers } = await gateway.fetch('/graphql', { method: 'DELETE', ...from(app) });
    expect(timingOf(headers)).toEqual(total);
  });

  it('names the origin of an app', async () => {
    const { headers } = await gateway.gql('{ __typename }', {}, from('capacitor://localhost'));
    expect(timingOf(headers)).toEqual({ ...total, allowed: 'capacitor://localhost' });
  });

  it('exposes server-timing to scripts', async () => {
    const { headers } = await gateway.gql('{ __typename }', {}, from(app));
    expect(headers.get('access-control-expose-headers')).toBe(
      'x-request-id,retry-after,www-authenticate,server-timing',
    );
    expect(headers.get('vary')).toBe('Origin, accept');
  });

  it.each(['null', '*', `${app}.evil.example`, `${app}/`, app.toUpperCase(), '__proto__'])(
    'sends nothing to the origin %s',
    async (origin) => {
      expect(timingOf((await gateway.gql(totalQuery, variables, from(origin))).headers)).toEqual(none);
    },
  );

  it('sends nothing without an origin, and in probes', async () => {
    expect(timingOf((await gateway.gql(totalQuery, variables)).headers)).toEqual(none);
    expect(timingOf((await gateway.fetch('/livez')).headers)).toEqual(none);
  });
});

describe('HTTP_SERVER_TIMING=false, the default', () => {
  const gateway = useGateway({ CORS_ORIGINS: app });

  it('sends no timing to any origin', async () => {
    expect(timingOf((await gateway.gql(totalQuery, variables, from(app))).headers)).toEqual(none);
    const { headers } = await gateway.gql('{ __typename }', {}, from(app));
    expect(headers.get('access-control-expose-headers')).toBe('x-request-id,retry-after,www-authenticate');
  });
});
