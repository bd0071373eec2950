import { beforeEach, describe, expect, it } from '@jest/globals';
import { post, survive } from '../../support/attack.ts';
import { type Gateway, useReplicas } from '../../support/gateway.ts';
import { customerOf, entitlement, expectedQuantity, idOf, customer as mine } from '../../support/ids.ts';
import { useIssuer } from '../../support/issuer.ts';

const theirs = idOf(5);
const missing = customerOf('0404');

const issuer = useIssuer();
const [gateway] = useReplicas(1, issuer.environment) as [Gateway];
let authorization = '';

beforeEach(async () => {
  authorization = `Bearer ${await issuer.sign(gateway.now(), { claims: { customer_id: mine } })}`;
});

const root = (customerId: string) =>
  `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customerId}") { quantity }`;
const entities = (type: string, id: string, selection: string) =>
  `{ _entities(representations: [{ __typename: "${type}", id: "${id}" }]) { ... on ${type} { ${selection} } } }`;

/** All ways to request the total of one customer, each with the path of this total in the response. */
const ways: [name: string, query: (customerId: string) => string, path: (string | number)[]][] = [
  ['with the root field', (id) => `{ ${root(id)} }`, ['customerEntitlementTotal']],
  ['with an alias', (id) => `{ x: ${root(id)} }`, ['x']],
  ['with a fragment', (id) => `{ ...F } fragment F on Query { ${root(id)} }`, ['customerEntitlementTotal']],
  ['with the id in upper case', (id) => `{ ${root(id.toUpperCase())} }`, ['customerEntitlementTotal']],
  ['with the id in braces', (id) => `{ ${root(`{${id}}`)} }`, ['customerEntitlementTotal']],
  [
    'with a window',
    (id) => `{ ${root(id).replace('")', '", startDate: 0, endDate: 9)')} }`,
    ['customerEntitlementTotal'],
  ],
  [
    'with the plural root field',
    (id) =>
      `{ customerEntitlementTotals(requests: [{ entitlementId: "${entitlement}", customerId: "${id}" }]) { quantity } }`,
    ['customerEntitlementTotals', 0],
  ],
  [
    'with an entity reference to the customer',
    (id) => entities('Customer', id, `entitlementTotal(entitlementId: "${entitlement}") { quantity }`),
    ['_entities', 0, 'entitlementTotal'],
  ],
  [
    'with the plural field of an entity reference to the customer',
    (id) => entities('Customer', id, `entitlementTotals(entitlementIds: ["${entitlement}"]) { quantity }`),
    ['_entities', 0, 'entitlementTotals', 0],
  ],
  [
    'with an entity reference to the entitlement',
    (id) => entities('Entitlement', entitlement, `customerTotal(customerId: "${id}") { quantity }`),
    ['_entities', 0, 'customerTotal'],
  ],
  [
    'through a total of the customer in the token',
    (id) =>
      `{ ${root(mine).replace('quantity', `entitlement { customerTotal(customerId: "${id}") { quantity } }`)} }`,
    ['customerEntitlementTotal', 'entitlement', 'customerTotal'],
  ],
];

const forbiddenAt = (path: (string | number)[]) => ({
  message: 'You may not see the totals of this customer.',
  path,
  locations: expect.any(Array),
  extensions: { code: 'FORBIDDEN', retryable: false, requestId: 'r' },
});
const ask = (query: string) =>
  post(gateway, JSON.stringify({ query }), { authorization, 'x-request-id': 'r' });

describe('a caller whose token names one customer', () => {
  it.each(ways)('sees the total of this customer %s', async (_, query) => {
    const outcome = await ask(query(mine));
    expect(outcome).toMatchObject({ status: 200, code: undefined });
    const quantity = query(mine).includes('startDate') ? { startDate: 0, endDate: 9 } : {};
    expect(outcome.body).toContain(`"quantity":${expectedQuantity(quantity)}`);
  });

  it.each(ways)(
    'gets FORBIDDEN for another customer %s, whether or not it exists',
    async (_, query, path) => {
      const outcome = await survive(gateway, () => ask(query(theirs)));
      expect(outcome).toMatchObject({ status: 200, code: 'FORBIDDEN' });
      expect(JSON.parse(outcome.body).errors).toEqual([forbiddenAt(path)]);
      expect(outcome.headers.get('cache-control')).toBe('no-store');
      // The response for a customer that does not exist differs in the id only.
      expect((await ask(query(missing))).body).toBe(outcome.body.replaceAll(theirs, missing));
      expect(
        gateway.simulator.perKey
          .keys()
          .filter((key) => !key.includes(mine))
          .toArray(),
      ).toEqual([]);
    },
  );

  it('gets FORBIDDEN for a total that another caller has put into the cache', async () => {
    const all = await issuer.sign(gateway.now(), { claims: { scope: 'entitlements:read:all' } });
    const query = JSON.stringify({ query: `{ ${root(theirs)} }` });
    const allowed = await post(gateway, query, { authorization: `Bearer ${all}` });
    expect(JSON.parse(allowed.body)).toEqual({
      data: { customerEntitlementTotal: { quantity: expectedQuantity({ customerId: theirs }) } },
    });
    expect(await ask(`{ ${root(theirs)} }`)).toMatchObject({ status: 200, code: 'FORBIDDEN' });
  });

  it('sees the total of its customer next to errors for forbidden customers', async () => {
    const requests = [theirs, mine, missing].map(
      (id) => `{ entitlementId: "${entitlement}", customerId: "${id}" }`,
    );
    const { body } = await ask(`{ customerEntitlementTotals(requests: [${requests}]) { quantity } }`);
    expect(JSON.parse(body)).toEqual({
      data: { customerEntitlementTotals: [null, { quantity: expectedQuantity() }, null] },
      errors: [0, 2].map((n) => forbiddenAt(['customerEntitlementTotals', n])),
    });
    expect(gateway.simulator.requests).toBe(1);
  });

  it('gets FORBIDDEN for every customer if its token names none', async () => {
    authorization = `Bearer ${await issuer.sign(gateway.now())}`;
    expect(await ask(`{ ${root(mine)} }`)).toMatchObject({ status: 200, code: 'FORBIDDEN' });
    expect(gateway.simulator.requests).toBe(0);
  });
});
