import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';

describe('a total', () => {
  const gateway = useGateway();

  it('has the quantity of the upstream and the time at which it was given', async () => {
    const before = gateway.now();
    const { status, headers, body } = await gateway.gql(
      `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") {
        entitlementId customerId quantity asOf stale entitlement { id } customer { id }
      } }`,
    );
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(body).toEqual({
      data: {
        customerEntitlementTotal: {
          entitlementId: entitlement,
          customerId: customer,
          quantity: expectedQuantity(),
          asOf: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          stale: false,
          entitlement: { id: entitlement },
          customer: { id: customer },
        },
      },
    });
    const asOf = Date.parse(body.data.customerEntitlementTotal.asOf);
    expect(asOf).toBeGreaterThanOrEqual(before);
    expect(asOf).toBeLessThanOrEqual(gateway.now());
  });

  it('depends on its startDate and endDate', async () => {
    const window = { startDate: 1_700_000_000, endDate: 1_800_000_000 };
    const { body } = await gateway.gql(totalQuery, {
      entitlementId: entitlement,
      customerId: customer,
      ...window,
    });
    expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity(window) } } });
    expect([...gateway.simulator.perKey.keys()]).toEqual([
      `${entitlement}/${customer}?start_date=1700000000&end_date=1800000000`,
    ]);
  });

  it('leaves a null date out of the upstream call', async () => {
    await gateway.gql(totalQuery, {
      entitlementId: entitlement,
      customerId: customer,
      startDate: null,
      endDate: 5,
    });
    expect([...gateway.simulator.perKey.keys()]).toEqual([`${entitlement}/${customer}?end_date=5`]);
  });

  it('is the same and costs one upstream call for upper-case and braced ids', async () => {
    const { body } = await gateway.gql(
      `query ($id: UUID!) {
        lower: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { ...all }
        upper: customerEntitlementTotal(entitlementId: $id, customerId: "${customer.toUpperCase()}") { ...all }
        braced: customerEntitlementTotal(customerId: "{${customer}}", entitlementId: "{${entitlement}}") { ...all }
      }
      fragment all on CustomerEntitlementTotal { entitlementId customerId quantity }`,
      { id: entitlement.toUpperCase() },
    );
    const total = { entitlementId: entitlement, customerId: customer, quantity: expectedQuantity() };
    expect(body).toEqual({ data: { lower: total, upper: total, braced: total } });
    expect(gateway.simulator.requestHeaders).toHaveLength(1);
  });

  it('costs one upstream call per distinct pair of 50 aliases, and these calls run in parallel', async () => {
    const pairs = Array.from({ length: 50 }, (_, n) => ({ alias: `t${n}`, entitlementId: idOf(n % 10) }));
    // Answers for this customer take 50 ms, so that parallel calls overlap.
    const customerId = customerOf('d032');
    const fields = pairs.map(
      ({ alias, entitlementId }) =>
        `${alias}: customerEntitlementTotal(entitlementId: "${entitlementId}", customerId: "${customerId}") { quantity }`,
    );
    const { body } = await gateway.gql(`{ ${fields.join('\n')} }`);
    const expected = pairs.map(({ alias, entitlementId }) => [
      alias,
      { quantity: expectedQuantity({ entitlementId, customerId }) },
    ]);
    expect(body).toEqual({ data: Object.fromEntries(expected) });
    expect(gateway.simulator.requestHeaders).toHaveLength(10);
    expect(gateway.simulator.peak).toBe(10);
  });
});

describe('the field customerEntitlementTotals', () => {
  const gateway = useGateway({ GRAPHQL_MAX_TOTALS: '20' });
  const query = `query Totals($requests: [CustomerEntitlementTotalRequest!]!) {
    customerEntitlementTotals(requests: $requests) { entitlementId quantity }
  }`;
  const requestsFor = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ entitlementId: idOf(n), customerId: customer }));

  it('returns totals in the order of the requests', async () => {
    const requests = requestsFor(20).toReversed();
    const { body } = await gateway.gql(query, { requests });
    const expected = requests.map((request) => ({
      entitlementId: request.entitlementId,
      quantity: expectedQuantity(request),
    }));
    expect(body).toEqual({ data: { customerEntitlementTotals: expected } });
  });

  it('returns null and an error at the index of each failed total, and the other totals', async () => {
    const [first, second] = requestsFor(2);
    const requests = [
      first,
      { ...first, customerId: customerOf('0404') },
      { ...first, startDate: 2, endDate: 1 },
      { ...first, customerId: customerOf('0200') },
      second,
    ];
    const { status, body } = await gateway.gql(query, { requests });
    expect(status).toBe(200);
    expect(body.data).toEqual({
      customerEntitlementTotals: [
        { entitlementId: idOf(0), quantity: expectedQuantity({ entitlementId: idOf(0) }) },
        null,
        null,
        { entitlementId: idOf(0), quantity: null },
        { entitlementId: idOf(1), quantity: expectedQuantity({ entitlementId: idOf(1) }) },
      ],
    });
    expect(body.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['customerEntitlementTotals', 2], 'BAD_USER_INPUT'],
      [['customerEntitlementTotals', 1], 'NOT_FOUND'],
    ]);
  });

  it('rejects an operation over the limit of totals without an upstream call', async () => {
    const aliased = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
      list: customerEntitlementTotals(requests: $requests) { quantity }
      one: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity }
    }`;
    expect((await gateway.gql(aliased, { requests: requestsFor(19) })).body.errors).toBeUndefined();
    const callsBefore = gateway.simulator.requestHeaders.length;
    const { status, body } = await gateway.gql(aliased, { requests: requestsFor(20) });
    expect(status).toBe(200);
    expect(body).toEqual({
      errors: [
        {
          message: 'The operation asks for more than 20 totals.',
          extensions: { code: 'BAD_USER_INPUT', retryable: false, requestId: expect.any(String) },
        },
      ],
    });
    expect(gateway.simulator.requestHeaders).toHaveLength(callsBefore);
  });
});
