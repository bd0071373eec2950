import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, isInputObjectType, isIntrospectionType, isObjectType } from 'graphql';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement } from '../support/ids.ts';

const query = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on Customer { id } ... on Entitlement { id } }
}`;

describe('the subgraph', () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true' });

  it('resolves references without asking the upstream', async () => {
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

  it('gives a malformed reference an error at its index, and the others their answer', async () => {
    const good = { __typename: 'Customer', id: customer };
    const malformed = [
      { __typename: 'Customer' },
      { __typename: 'Customer', id: 7 },
      { __typename: 'Customer', id: '../x' },
      { __typename: 'Nobody', id: customer },
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

  it('serves its schema, for federation 2', async () => {
    const { body } = await gateway.gql('{ _service { sdl } }');
    expect(body.data?._service.sdl).toContain('@link(url: "https://specs.apollo.dev/federation/v2.9"');
    expect(body.data?._service.sdl).toMatch(/type Customer @key\(fields: "id"\) \{/);
    expect(body.data?._service.sdl).toMatch(/type Entitlement @key\(fields: "id"\) \{/);
  });

  it('does not trace itself where a router asks for it', async () => {
    const headers = { 'apollo-federation-include-trace': 'ftv1' };
    expect((await gateway.gql('{ __typename }', {}, { headers })).body).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('describes every type, field and argument', () => {
    const text = readFileSync(new URL('../../schema/entitlements.graphql', import.meta.url), 'utf8');
    const schema = buildSchema(text.replace(/extend schema[^)]*\)/, '').replaceAll(/@key\([^)]*\)/g, ''));
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
