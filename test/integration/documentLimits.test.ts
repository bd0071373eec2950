import { describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement, idOf } from '../support/ids.ts';

const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}")`;
const nestedTotal = `entitlementTotal(entitlementId: "${entitlement}")`;
/** An operation of this many levels of fields. */
const ofDepth = (depth: number) => {
  const pairs = Math.ceil((depth - 3) / 2);
  const inner = Array.from({ length: pairs }).reduce(
    (text) => `customer { ${nestedTotal} { ${text} } }`,
    'quantity',
  );
  return `{ ${total} { ${inner} } }`;
};
const aliases = (count: number) => {
  const fields = Array.from({ length: count }, (_, n) => {
    return `a${n}: customerEntitlementTotal(entitlementId: "${idOf(n)}", customerId: "${customer}") { quantity }`;
  });
  return `{ ${fields.join(' ')} }`;
};
const rejection = (message: RegExp) => ({
  errors: [
    expect.objectContaining({
      message: expect.stringMatching(message),
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED', requestId: expect.any(String) },
    }),
  ],
});

describe('a document', () => {
  const gateway = useGateway({
    GRAPHQL_MAX_DEPTH: '6',
    GRAPHQL_MAX_ALIASES: '20',
    GRAPHQL_INTROSPECTION: 'true',
  });

  it('is accepted at the maximum depth and rejected beyond it', async () => {
    expect((await gateway.gql(ofDepth(6))).body.errors).toBeUndefined();
    const { status, body } = await gateway.gql(ofDepth(8));
    expect(status).toBe(400);
    expect(body).toEqual(rejection(/depth limit of 6 exceeded/));
  });

  it('is accepted at the maximum number of aliases and rejected beyond it', async () => {
    expect((await gateway.gql(aliases(20))).body.errors).toBeUndefined();
    const { status, body } = await gateway.gql(aliases(21));
    expect(status).toBe(400);
    expect(body).toEqual(rejection(/Aliases limit of 20 exceeded/));
  });

  it('may exceed the maximum number of aliases if each of its operations does not', async () => {
    const operation = (name: string) => `query ${name} ${aliases(15)}`;
    const body = JSON.stringify({ query: ['A', 'B', 'C'].map(operation).join(' '), operationName: 'B' });
    expect((await gateway.gql('', {}, { body })).body.errors).toBeUndefined();
  });

  it('is accepted with 50 directives and rejected with 51', async () => {
    const spread = (count: number) =>
      `{ ${Array.from({ length: count }, () => `... @include(if: true) { __typename }`).join(' ')} }`;
    expect((await gateway.gql(spread(50))).body.errors).toBeUndefined();
    expect((await gateway.gql(spread(51))).body).toEqual(rejection(/Directives limit of 50 exceeded/));
  });

  it('is accepted with 20 fields of one name in a selection set and rejected with 21', async () => {
    const repeat = (count: number) => `{ ${'__typename '.repeat(count)} }`;
    expect((await gateway.gql(repeat(20))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(repeat(21))).body).toEqual(rejection(/Repetition limit of 20 exceeded/));
  });

  it('is accepted with 200 spreads and rejected with 201', async () => {
    const spread = (count: number) => `{ ${'... { __typename } '.repeat(count)} }`;
    expect((await gateway.gql(spread(200))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(spread(201))).body).toEqual(
      rejection(/Spreads limit of 200 exceeded, found 201/),
    );
  });

  it('with the introspection query of an explorer may exceed the maximum depth', async () => {
    expect((await gateway.gql(getIntrospectionQuery())).body.errors).toBeUndefined();
  });

  it('that exceeds a limit logs no error and makes no upstream call', async () => {
    await gateway.gql(ofDepth(40));
    await gateway.gql(aliases(90));
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(gateway.simulator.requests).toBe(0);
  });
});
