import { describe, expect, it } from '@jest/globals';
import { type Gateway, until, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { describeWithRedisOrCluster } from '../support/redis.ts';

const variables = { entitlementId: entitlement, customerId: customer };
const answered = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };
const results = ({ log }: Gateway) =>
  log.filter(({ msg }) => msg === 'operationEnded').map(({ responseCache }) => responseCache);
const purge = ({ adminUrl }: Gateway, target: object) =>
  fetch(`${adminUrl}/purge`, {
    method: 'POST',
    headers: { authorization: 'Bearer purge-token', 'content-type': 'application/json' },
    body: JSON.stringify(target),
  });

describe('a repeated request', () => {
  const gateway = useGateway({ PURGE_TOKEN: 'purge-token', CORS_ORIGINS: 'https://app.example.com' });
  const ask = (rest: object = {}, init?: RequestInit) =>
    gateway.gql(totalQuery, { ...variables, ...rest }, init);

  it('hits the response cache until its total is no longer fresh', async () => {
    const first = await ask();
    expect(first.headers.get('cache-control')).toMatch(/^private, max-age=(29|30)$/);
    gateway.advance(10_000);
    const second = await ask(
      {},
      { headers: { 'x-request-id': 'second', origin: 'https://app.example.com' } },
    );
    expect([second.status, second.body]).toEqual([200, answered]);
    expect(second.headers.get('cache-control')).toMatch(/^private, max-age=(19|20)$/);
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(second.headers.get('x-request-id')).toBe('second');
    expect(second.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(second.headers.get('x-content-type-options')).toBe('nosniff');
    expect(results(gateway)).toEqual(['miss', 'hit']);
    expect(gateway.log.at(-1)).toMatchObject({
      requestId: 'second',
      operationName: 'Total',
      outcome: 'ok',
      upstreamCalls: 0,
      totals: { memory: 1 },
    });
    gateway.advance(20_000);
    expect((await ask()).headers.get('cache-control')).toBe('no-store');
    expect(results(gateway)).toEqual(['miss', 'hit', 'miss']);
  });

  it('misses the response cache if its variables, accept header or URL differ', async () => {
    await ask();
    await ask({ startDate: null });
    await ask({}, { headers: { accept: 'application/graphql-response+json' } });
    await gateway.fetch('/graphql?x=1', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: totalQuery, variables }),
    });
    expect(results(gateway)).toEqual(['miss', 'miss', 'miss', 'miss']);
  });

  it.each([
    ['an error', { customerId: customerOf('0404') }],
    ['a rejected argument', { startDate: 2, endDate: 1 }],
  ])('misses the response cache if its response had %s', async (_, rest) => {
    for (let n = 0; n < 2; n += 1) expect((await ask(rest)).headers.get('cache-control')).toBe('no-store');
    expect(results(gateway)).toEqual(['miss', 'miss']);
  });

  it('misses the response cache if its response had no total', async () => {
    for (let n = 0; n < 2; n += 1) await gateway.gql('{ __typename }');
    expect(results(gateway)).toEqual(['miss', 'miss']);
  });

  it('misses the response cache after a purge of its total, and hits it after other purges', async () => {
    await ask();
    for (const target of [{ customerId: idOf(1) }, { customerId: customer, entitlementId: idOf(1) }])
      expect((await purge(gateway, target)).status).toBe(204);
    await ask();
    for (const target of [{ customerId: customer }, { customerId: customer, entitlementId: entitlement }]) {
      await purge(gateway, target);
      await ask();
      await ask();
    }
    expect(results(gateway)).toEqual(['miss', 'hit', 'miss', 'hit', 'miss', 'hit']);
    expect(gateway.simulator.requests).toBe(3);
  });

  it('by GET without a header that prevents CSRF is rejected, although its response is cached', async () => {
    const search = new URLSearchParams({ query: totalQuery, variables: JSON.stringify(variables) });
    const allowed = { headers: { 'apollo-require-preflight': '1' } };
    expect((await gateway.fetch(`/graphql?${search}`, allowed)).status).toBe(200);
    expect((await gateway.fetch(`/graphql?${search}`)).status).toBe(400);
  });
});

describe('the rate limit', () => {
  const gateway = useGateway({ RATE_LIMIT_PER_MINUTE: '7' });

  it('counts the totals of response-cache hits', async () => {
    const query = `{ customerEntitlementTotals(requests: [${[1, 2, 3].map((n) => `{ entitlementId: "${entitlement}", customerId: "${idOf(n)}" }`)}]) { quantity } }`;
    for (let n = 0; n < 2; n += 1) expect((await gateway.gql(query)).body.errors).toBeUndefined();
    const { body, headers } = await gateway.gql(query);
    expect(body.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    expect(headers.get('retry-after')).toMatch(/^\d+$/);
    expect(results(gateway)).toEqual(['miss', 'hit', 'miss']);
  });
});

describe('callers with tokens', () => {
  const issuer = useIssuer();
  const [gateway] = useReplicas(1, issuer.environment) as [Gateway];
  const ask = async (claims: object) => {
    const authorization = `Bearer ${await issuer.sign(gateway.now(), { claims: { ...claims } })}`;
    const { body } = await gateway.gql(totalQuery, variables, { headers: { authorization } });
    return body.errors?.[0].extensions.code ?? body.data.customerEntitlementTotal.quantity;
  };

  it('share cached responses only if they may see the same customers', async () => {
    const quantity = expectedQuantity();
    expect(await ask({ sub: 'a', customer_id: [customer, idOf(1)] })).toBe(quantity);
    expect(await ask({ sub: 'b', customer_id: [idOf(1), customer] })).toBe(quantity);
    expect(await ask({ sub: 'a', customer_id: idOf(1) })).toBe('FORBIDDEN');
    expect(await ask({ sub: 'a', customer_id: customer })).toBe(quantity);
    expect(await ask({ sub: 'a', scope: 'entitlements:read:all' })).toBe(quantity);
    expect(await ask({ sub: 'a' })).toBe('FORBIDDEN');
    expect(results(gateway)).toEqual(['miss', 'hit', 'miss', 'miss', 'miss', 'miss']);
  });

  it('get no cached response without a valid token', async () => {
    await ask({ customer_id: customer });
    expect((await gateway.gql(totalQuery, variables)).status).toBe(401);
    expect(await ask({ customer_id: customer, exp: 1 }).catch(() => 'refused')).toBe('UNAUTHENTICATED');
  });
});

describeWithRedisOrCluster('a purge on one replica', (redis) => {
  const [firstReplica, secondReplica] = useReplicas(2, () => ({
    REDIS_URL: redis.url,
    PURGE_TOKEN: 'purge-token',
  })) as [Gateway, Gateway];

  it('removes the cached responses of another replica', async () => {
    await until(() =>
      [firstReplica, secondReplica].every(({ wholeLog }) => wholeLog.some(({ state }) => state === 'up')),
    );
    // A replica uses its cache once it receives messages.
    while (results(firstReplica).at(-1) !== 'hit') await firstReplica.gql(totalQuery, variables);
    expect((await purge(secondReplica, { customerId: customer })).status).toBe(204);
    await until(() => {
      void firstReplica.gql(totalQuery, variables);
      return firstReplica.simulator.requests === 2;
    });
  });
});
