import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, isInputObjectType, isIntrospectionType, isObjectType } from 'graphql';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, expectedQuantity, idOf } from '../support/ids.ts';

const query = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on Customer { id } ... on Entitlement { id } }
}`;

describe('the federation subgraph', () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true' });

  it('resolves entity references without an upstream call', async () => {
    const { body } = await gateway.gql(query, {
      representations: [
        { __typename: 'Customer', id: customer.toUpperCase() },
        { __typename: 'Entitlement', id: `{${entitlement}}` },
      ],
    });
    expect(body).toEqual({
      data: {
        _entities: [
          { __typename: 'Customer', id: customer },
          { __typename: 'Entitlement', id: entitlement },
        ],
      },
    });
    expect(gateway.simulator.requests).toBe(0);
  });

  it('returns an error at the index of each malformed reference, and resolves the others', async () => {
    const good = { __typename: 'Customer', id: customer };
    const malformed = [
      { __typename: 'Customer' },
      { __typename: 'Customer', id: 7 },
      { __typename: 'Customer', id: '../x' },
      { __typename: 'Unknown', id: customer },
      { __typename: 'CustomerEntitlementTotal', id: customer },
      { id: customer },
      'text',
      [],
      null,
    ];
    const { status, body } = await gateway.gql(query, { representations: [...malformed.slice(0, -1), good] });
    expect(status).toBe(200);
    expect(body.data?._entities).toEqual([...Array(8).fill(null), good]);
    const errors = body.errors?.map(({ path, extensions }) => [path[1], extensions.code]);
    expect(errors?.toSorted()).toEqual(Array.from({ length: 8 }, (_, n) => [n, 'BAD_USER_INPUT']));
    const levels = gateway.log.map(({ level }) => level);
    expect(levels).not.toContain('error');
  });

  it('serves its SDL with the federation 2 link', async () => {
    const { body } = await gateway.gql('{ _service { sdl } }');
    expect(body.data?._service.sdl).toContain('@link(url: "https://specs.apollo.dev/federation/v2.9"');
    expect(body.data?._service.sdl).toMatch(/type Customer @key\(fields: "id"\) \{/);
    expect(body.data?._service.sdl).toMatch(/type Entitlement @key\(fields: "id"\) \{/);
  });

  it('ignores the request header for federated tracing (ftv1)', async () => {
    const headers = { 'apollo-federation-include-trace': 'ftv1' };
    expect((await gateway.gql('{ __typename }', {}, { headers })).body).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('has a description for every type, field and argument', () => {
    const text = readFileSync(new URL('../../schema/entitlements.graphql', import.meta.url), 'utf8');
    const schema = buildSchema(
      text.replace(/extend schema[^)]*\)/, '').replaceAll(/@(key|cost)\([^)]*\)/g, ''),
    );
    const undescribed: string[] = [];
    for (const type of Object.values(schema.getTypeMap())) {
      if (isIntrospectionType(type) || ['Boolean', 'Int', 'Float', 'String', 'Query'].includes(type.name))
        continue;
      if (!type.description) undescribed.push(type.name);
    }
    for (const type of Object.values(schema.getTypeMap()).filter(
      (one) => isObjectType(one) || isInputObjectType(one),
    )) {
      if (isIntrospectionType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        if (!field.description) undescribed.push(`${type.name}.${field.name}`);
        for (const argument of 'args' in field ? field.args : []) {
          if (!argument.description) undescribed.push(`${type.name}.${field.name}(${argument.name})`);
        }
      }
    }
    expect(undescribed).toEqual([]);
  });
});

describe('totals of federation entities', () => {
  const gateway = useGateway({ GRAPHQL_MAX_TOTALS: '100' });
  const { simulator } = gateway;
  const totals = `query ($customers: [_Any!]!) {
    _entities(representations: $customers) {
      ... on Customer { id entitlementTotal(entitlementId: "${entitlement}") { quantity } }
    }
  }`;
  const customersOf = (count: number, distinct: number) =>
    Array.from({ length: count }, (_, n) => ({ __typename: 'Customer', id: idOf(n % distinct) }));
  const answersFor = (customers: { id: string }[]) =>
    customers.map(({ id }) => ({ id, entitlementTotal: { quantity: expectedQuantity({ customerId: id }) } }));

  it.each([
    [50, 50],
    [50, 10],
  ])(
    'of %i customers, %i of them distinct, cost one parallel upstream call per distinct customer, and none the second time',
    async (count, distinct) => {
      simulator.overall = { mode: 'slow', ms: 50 };
      const customers = customersOf(count, distinct);
      for (let n = 0; n < 2; n += 1) {
        const { body } = await gateway.gql(totals, { customers });
        expect(body).toEqual({ data: { _entities: answersFor(customers) } });
      }
      expect([simulator.requests, simulator.peak]).toEqual([distinct, distinct]);
    },
  );

  it('are loaded once for parallel requests, as a router sends them for aliases', async () => {
    simulator.overall = { mode: 'slow', ms: 50 };
    const customers = customersOf(20, 20);
    const answers = await Promise.all([
      gateway.gql(totals, { customers }),
      gateway.gql(totals, { customers }),
    ]);
    for (const { body } of answers) expect(body).toEqual({ data: { _entities: answersFor(customers) } });
    expect(simulator.requests).toBe(20);
  });

  it('can be selected through entitlementTotals and through customerTotal', async () => {
    const { body } = await gateway.gql(
      `query ($representations: [_Any!]!, $ids: [UUID!]!) {
        _entities(representations: $representations) {
          ... on Customer { entitlementTotals(entitlementIds: $ids, startDate: 1, endDate: 2) { entitlementId quantity } }
          ... on Entitlement { customerTotal(customerId: "${customer}") { quantity customer { id } entitlement { id } } }
        }
      }`,
      {
        representations: [
          { __typename: 'Customer', id: customer },
          { __typename: 'Entitlement', id: entitlement },
        ],
        ids: [idOf(2), idOf(1)],
      },
    );
    const inWindow = (n: number) => ({
      entitlementId: idOf(n),
      quantity: expectedQuantity({ entitlementId: idOf(n), startDate: 1, endDate: 2 }),
    });
    expect(body).toEqual({
      data: {
        _entities: [
          { entitlementTotals: [inWindow(2), inWindow(1)] },
          {
            customerTotal: {
              quantity: expectedQuantity(),
              customer: { id: customer },
              entitlement: { id: entitlement },
            },
          },
        ],
      },
    });
  });

  it('count towards the limit of totals per operation', async () => {
    const { status, body } = await gateway.gql(totals, { customers: customersOf(101, 101) });
    expect([status, body.errors?.[0].extensions.code]).toEqual([200, 'BAD_USER_INPUT']);
    expect(simulator.requests).toBe(0);
  });

  it('name in validationErrors the argument of the failed field, or null if it has none', async () => {
    const { body } = await gateway.gql(
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) {
          ... on Customer {
            one: entitlementTotal(entitlementId: "${entitlement}") { quantity }
            many: entitlementTotals(entitlementIds: ["${entitlement}"]) { quantity }
          }
          ... on Entitlement { customerTotal(customerId: "${customerOf('1422')}") { quantity } }
        }
      }`,
      {
        representations: [
          { __typename: 'Customer', id: customerOf('1422') },
          { __typename: 'Entitlement', id: entitlement },
        ],
      },
    );
    const named = body.errors?.map(({ path, extensions }) => [
      path.slice(1).join('.'),
      extensions.validationErrors.map(({ argument }: { argument: string | null }) => argument),
    ]);
    expect(Object.fromEntries(named ?? [])).toEqual({
      '0.one': ['startDate', 'entitlementId'],
      '0.many.0': ['startDate', 'entitlementIds'],
      '1.customerTotal': ['startDate', null],
    });
  });
});

describe('cache tags, with GRAPHQL_CACHE_TAGS=true', () => {
  const gateway = useGateway({ GRAPHQL_CACHE_TAGS: 'true' });

  it('are listed per entity for _entities, and as one list for other operations', async () => {
    const representations = [
      { __typename: 'Customer', id: customer.toUpperCase() },
      { __typename: 'Customer', id: 'nope' },
      { __typename: 'Entitlement', id: entitlement },
    ];
    const entities = await gateway.gql(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) {
        ... on Customer { entitlementTotal(entitlementId: "${entitlement}") { quantity } }
        ... on Entitlement { customerTotal(customerId: "${idOf(1)}") { quantity } }
      } }`,
      { representations },
    );
    expect(entities.body).toMatchObject({
      extensions: {
        apolloEntityCacheTags: representations.map(() => [`customer-${customer}`, `customer-${idOf(1)}`]),
      },
    });
    const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity }`;
    expect((await gateway.gql(`{ ${total} }`)).body).toMatchObject({
      extensions: { apolloCacheTags: [`customer-${customer}`] },
    });
  });

  it('contain the customer of the entity and the customers selected below it', async () => {
    const [one, two, other] = [idOf(1), idOf(2), idOf(3)];
    const { body } = await gateway.gql(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Customer {
        entitlementTotal(entitlementId: "${entitlement}") { entitlement { customerTotal(customerId: "${other}") { quantity } } }
      } } }`,
      { representations: [one, two].map((id) => ({ __typename: 'Customer', id })) },
    );
    const tags = [one, two].map((id) => [`customer-${id}`, `customer-${other}`]);
    expect(body).toMatchObject({ extensions: { apolloEntityCacheTags: tags } });
  });

  it('depend on the selected fields, not on the names of variables', async () => {
    const { body } = await gateway.gql(
      `query ($representations: [CustomerEntitlementTotalRequest!]!) {
        customerEntitlementTotals(requests: $representations) { quantity }
      }`,
      { representations: [{ entitlementId: entitlement, customerId: customer }] },
    );
    expect(body).toMatchObject({ extensions: { apolloCacheTags: [`customer-${customer}`] } });
  });
});
