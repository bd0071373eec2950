import { describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { parseLimits } from '../../src/config/config.ts';
import { createDocumentLimits } from '../../src/graphql/documentLimits.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, idOf } from '../support/ids.ts';

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
const rejection = (message: string) => ({
  errors: [{ message, extensions: { code: 'GRAPHQL_VALIDATION_FAILED', requestId: expect.any(String) } }],
});
const repeat = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');
/** An operation of two levels, the second one inside this many fragments. */
const inFragments = (count: number) =>
  `{ ${total} { ...F0 } } ${repeat(count, (n) => `fragment F${n} on CustomerEntitlementTotal { ${n === count - 1 ? 'quantity' : `...F${n + 1}`} }`)}`;

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
    expect(body).toEqual(rejection('Depth limit of 6 exceeded, found 8.'));
  });

  it('is accepted at the maximum number of aliases and rejected beyond it', async () => {
    expect((await gateway.gql(aliases(20))).body.errors).toBeUndefined();
    const { status, body } = await gateway.gql(aliases(21));
    expect(status).toBe(400);
    expect(body).toEqual(rejection('Aliases limit of 20 exceeded, found 21.'));
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
    expect((await gateway.gql(spread(51))).body).toEqual(
      rejection('Directives limit of 50 exceeded, found 51.'),
    );
  });

  it('is accepted with 20 fields of one name in a selection set and rejected with 21', async () => {
    const repeat = (count: number) => `{ ${'__typename '.repeat(count)} }`;
    expect((await gateway.gql(repeat(20))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(repeat(21))).body).toEqual(
      rejection('Repetition limit of 20 exceeded, found 21.'),
    );
  });

  it('is accepted with 200 spreads and rejected with 201', async () => {
    const spread = (count: number) => `{ ${'... { __typename } '.repeat(count)} }`;
    expect((await gateway.gql(spread(200))).body).toEqual({ data: { __typename: 'Query' } });
    expect((await gateway.gql(spread(201))).body).toEqual(
      rejection('Spreads limit of 200 exceeded, found 201.'),
    );
  });

  it('is not rejected as too deep because its fields are in nested fragments', async () => {
    const { body } = await gateway.gql(inFragments(30));
    expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
    const inline = `{ ${total} { ${'... { '.repeat(30)} quantity ${'} '.repeat(30)} } }`;
    expect((await gateway.gql(inline)).body).toEqual(body);
  });

  it('is rejected as too deep if a fragment adds the levels, also when another place spreads it first', async () => {
    const levels = `customer { ${nestedTotal} { customer { ${nestedTotal} { quantity } } } }`;
    const query = `{ ${total} { ...F customer { ${nestedTotal} { ...F } } } } fragment F on CustomerEntitlementTotal { ${levels} }`;
    expect((await gateway.gql(query)).body).toEqual(rejection('Depth limit of 6 exceeded, found 8.'));
  });

  it('is accepted with a chain of 200 fragments', async () => {
    const { body } = await gateway.gql(inFragments(200));
    expect(body).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
  });

  it('is rejected by its spreads if a chain of fragments would overflow the stack', () => {
    const { parseValid } = createDocumentLimits(parseLimits({ GRAPHQL_MAX_TOKENS: '100000' }));
    const chain = repeat(6000, (n) => `fragment F${n} on Query { ...F${n + 1} }`);
    const text = `{ ...F0 } ${chain} fragment F6000 on Query { __typename }`;
    expect(() => parseValid(text, createSchema())).toThrow('Spreads limit of 200 exceeded, found 6001.');
  });

  it('counts the aliases and directives of a fragment once, however often it is spread', async () => {
    const fragment = `fragment F on CustomerEntitlementTotal { ${repeat(10, (n) => `q${n}: quantity @include(if: true)`)} }`;
    const spreads = (count: number) => `{ ${repeat(count, (n) => `a${n}: ${total} { ...F }`)} } ${fragment}`;
    expect((await gateway.gql(spreads(10))).body.errors).toBeUndefined();
    const { body } = await gateway.gql(spreads(11));
    expect(body).toEqual(rejection('Aliases limit of 20 exceeded, found 21.'));
    const both = `{ ${total} { ...F ${'... @include(if: true) { stale } '.repeat(41)} } } ${fragment}`;
    expect((await gateway.gql(both)).body).toEqual(rejection('Directives limit of 50 exceeded, found 51.'));
  });

  it('counts no spreads in comments and strings', async () => {
    const comment = `# ${'... '.repeat(300)}\n`;
    expect((await gateway.gql(`${comment}{ __typename }`)).body).toEqual({ data: { __typename: 'Query' } });
  });

  it('with fragments that double is rejected before it is expanded', async () => {
    const query = `{ ...F0 } ${repeat(20, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F20 on Query { __typename }`;
    expect((await gateway.gql(query)).body).toEqual(
      rejection(`Selections limit of 20000 exceeded, found ${3 * 2 ** 20 - 1}.`),
    );
  });

  it('of too many tokens is rejected with the limit, not as a syntax error', async () => {
    const { body } = await gateway.gql(`{ ${'x '.repeat(4000)} }`);
    expect(body.errors?.map(({ message }) => message)).toEqual(['Tokens limit of 4000 exceeded.']);
  });

  it('that exceeds a limit logs no error and makes no upstream call', async () => {
    await gateway.gql(ofDepth(40));
    await gateway.gql(aliases(90));
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(gateway.simulator.requests).toBe(0);
  });
});

describe('introspection with the default limits', () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true', GRAPHQL_EXPLORER: 'graphiql' });
  const options = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true } as const;

  it('answers the whole introspection query of explorers', async () => {
    const query = getIntrospectionQuery({ ...options, inputValueDeprecation: true, oneOf: true });
    const { data, errors } = (await gateway.gql(query)).body;
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ __schema: { queryType: { name: 'Query' } } });
  });

  it.each(['__schema { queryType', '__type(name: "Query")'])(
    'does not count the depth below %s',
    async (field) => {
      const ofType = `${'ofType { '.repeat(12)} name ${'} '.repeat(12)}`;
      const query = `{ ${field} { fields { type { ${ofType} } } } } ${field.includes('{ queryType') ? '}' : ''}`;
      expect((await gateway.gql(query)).body.errors).toBeUndefined();
    },
  );
});
