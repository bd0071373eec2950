import { describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement, idOf } from '../support/ids.ts';

const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}")`;
const nested = `entitlementTotal(entitlementId: "${entitlement}")`;
/** An operation of this many levels of fields. */
const ofDepth = (depth: number) => {
  const pairs = Math.ceil((depth - 3) / 2);
  const inner = Array.from({ length: pairs }).reduce(
    (text) => `customer { ${nested} { ${text} } }`,
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
const refusal = (message: RegExp) => ({
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

  it('may be as deep as allowed, and no deeper', async () => {
    expect((await gateway.gql(ofDepth(6))).body.errors).toBeUndefined();
    const { status, body } = await gateway.gql(ofDepth(8));
    expect(status).toBe(400);
    expect(body).toEqual(refusal(/depth limit of 6 exceeded/));
  });

  it('may have as many aliases as allowed, and no more', async () => {
    expect((await gateway.gql(aliases(20))).body.errors).toBeUndefined();
    const { status, body } = await gateway.gql(aliases(21));
    expect(status).toBe(400);
    expect(body).toEqual(refusal(/Aliases limit of 20 exceeded/));
  });

  it('may have several operations of that many aliases', async () => {
    const operation = (name: string) => `query ${name} ${aliases(15)}`;
    const body = JSON.stringify({ query: ['A', 'B', 'C'].map(operation).join(' '), operationName: 'B' });
    expect((await gateway.gql('', {}, { body })).body.errors).toBeUndefined();
  });

  it('may have 50 directives, and no more', async () => {
    const spread = (count: number) =>
      `{ ${Array.from({ length: count }, () => `... @include(if: true) { __typename }`).join(' ')} }`;
    expect((await gateway.gql(spread(50))).body.errors).toBeUndefined();
    expect((await gateway.gql(spread(51))).body).toEqual(refusal(/Directives limit of 50 exceeded/));
  });

  it('may have 20 fields of one name in one place, and no more', async () => {
    const repeat = (count: number) => `{ ${'__typename '.repeat(count)} }`;
    expect((await gateway.gql(repeat(20))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(repeat(21))).body).toEqual(refusal(/Repetition limit of 20 exceeded/));
  });

  it('may have 200 spreads, and no more', async () => {
    const spread = (count: number) => `{ ${'... { __typename } '.repeat(count)} }`;
    expect((await gateway.gql(spread(200))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(spread(201))).body).toEqual(
      refusal(/Spreads limit of 200 exceeded, found 201/),
    );
  });

  it('of an explorer may be as deep as introspection is', async () => {
    expect((await gateway.gql(getIntrospectionQuery())).body.errors).toBeUndefined();
  });

  it('that leaves no trace in the log as a fault of the gateway', async () => {
    await gateway.gql(ofDepth(40));
    await gateway.gql(aliases(90));
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(gateway.simulator.requests).toBe(0);
  });
});
