import { describe, expect, it } from '@jest/globals';
import { post, survive } from '../../support/attack.ts';
import { useGateway } from '../../support/gateway.ts';
import { customer, entitlement, idOf, totalQuery } from '../../support/ids.ts';

const gateway = useGateway();
const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}")`;
const repeat = (count: number, text: (n: number) => string, separator = ' ') =>
  Array.from({ length: count }, (_, n) => text(n)).join(separator);
const query = (text: string, rest: object = {}) => JSON.stringify({ query: text, ...rest });
const variables = { entitlementId: entitlement, customerId: customer };
const nested = (depth: number) =>
  `{ ${total} ${'{ customer { entitlementTotal(entitlementId: "E") '.repeat(depth).replaceAll('E', entitlement)} { quantity } ${'} }'.repeat(depth)} }`;
const toRequest = (n: number) => ({ entitlementId: idOf(n), customerId: customer });

type Case = [name: string, body: () => string | Uint8Array<ArrayBuffer>, status: number, code: string];

const invalid = [400, 'GRAPHQL_VALIDATION_FAILED'] as const;
const unparsed = [400, 'GRAPHQL_PARSE_FAILED'] as const;
const unresolved = [400, 'OPERATION_RESOLUTION_FAILURE'] as const;
const badRequest = [400, 'BAD_REQUEST'] as const;
const badInput = [200, 'BAD_USER_INPUT'] as const;

const documentShapes: Case[] = [
  ['20 levels deep', () => query(nested(10)), ...invalid],
  ['500 levels deep', () => query(nested(500)), ...unparsed],
  ['of 101 aliases', () => query(`{ ${repeat(101, (n) => `a${n}: __typename`)} }`), ...invalid],
  ['of 1,300 aliases', () => query(`{ ${repeat(1300, (n) => `a${n}: __typename`)} }`), ...invalid],
  ['of 4,001 tokens', () => query(`{ ${repeat(4001, () => 'x')} }`), ...unparsed],
  ['of 80,000 tokens', () => query(`{ ${repeat(80_000, () => 'x')} }`), ...unparsed],
  [
    'of 51 directives',
    () => query(`{ ${repeat(51, (n) => `a${n}: __typename @include(if: true)`)} }`),
    ...invalid,
  ],
  [
    'of 1,300 directives on one field',
    () => query(`{ __typename ${repeat(1300, () => '@skip(if: true)')} }`),
    ...unparsed,
  ],
  ['of 900 unknown directives', () => query(`{ __typename ${repeat(900, (n) => `@d${n}`)} }`), ...invalid],
  ['with a fragment that spreads itself', () => query('{ ...F } fragment F on Query { ...F }'), ...invalid],
  [
    'with two fragments that spread each other',
    () => query('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'),
    ...invalid,
  ],
  [
    'with 20 fragments that each spread the next one twice',
    () =>
      query(
        `{ ...F0 } ${repeat(20, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F20 on Query { __typename }`,
      ),
    ...invalid,
  ],
  [
    'with a chain of 200 fragments',
    () =>
      query(
        `{ ...F0 } ${repeat(199, (n) => `fragment F${n} on Query { ...F${n + 1} }`)} fragment F199 on Query { __typename }`,
      ),
    200,
    'none',
  ],
  [
    'with 100 fragments that each spread the next one twice below __schema',
    () =>
      query(
        `{ __schema { ...F0 } } ${repeat(99, (n) => `fragment F${n} on __Schema { ...F${n + 1} ...F${n + 1} }`)} fragment F99 on __Schema { description }`,
      ),
    ...invalid,
  ],
  [
    'with 14 fragments that each spread all of them',
    () =>
      query(`{ ...F0 } ${repeat(14, (n) => `fragment F${n} on Query { ${repeat(14, (m) => `...F${m}`)} }`)}`),
    ...invalid,
  ],
  [
    'with a chain of 300 fragments, all of which it spreads',
    () =>
      query(
        `{ ${repeat(300, (n) => `...F${n}`)} } ${repeat(300, (n) => `fragment F${n} on Query { ...F${n + 1} __typename }`)} fragment F300 on Query { __typename }`,
      ),
    ...invalid,
  ],
  [
    'with 12 fragments that each nest the next one under two customers',
    () =>
      query(
        `{ ${total} { ...F0 } } ${repeat(12, (n) => `fragment F${n} on CustomerEntitlementTotal { customer { a: entitlementTotal(entitlementId: "${idOf(1)}") { ...F${n + 1} } b: entitlementTotal(entitlementId: "${idOf(2)}") { ...F${n + 1} } } }`)} fragment F12 on CustomerEntitlementTotal { quantity }`,
      ),
    ...invalid,
  ],
  [
    'with 200 fields of one name and different arguments',
    () =>
      query(
        `{ ${repeat(200, (n) => `${total.replace('customerId', `startDate: ${n}, customerId`)} { quantity }`)} }`,
      ),
    ...invalid,
  ],
  ['with 1,900 fields of one name', () => query(`{ ${repeat(1900, () => '__typename')} }`), ...invalid],
  [
    'with 300 inline fragments that must be compared with each other',
    () => query(`{ ${repeat(300, () => '... { ... on Query { __typename } }')} }`),
    ...invalid,
  ],
  [
    'with 10,000 variables',
    () => query(`query (${repeat(10_000, (n) => `$v${n}: Int`)}) { __typename }`),
    ...unparsed,
  ],
  [
    'with 900 variables',
    () => query(`query (${repeat(900, (n) => `$v${n}: Int`)}) { __typename }`),
    ...invalid,
  ],
  [
    'with values for 10,000 undeclared variables',
    () =>
      query(totalQuery, {
        variables: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`v${n}`, n])),
      }),
    ...badInput,
  ],
  ['that introspects the schema', () => query('{ __schema { types { name } } }'), ...invalid],
  ['that introspects one type', () => query('{ __type(name: "Query") { name } }'), ...invalid],
  ['that reads the SDL', () => query('{ _service { sdl } }'), 200, 'none'],
  ['with a misspelt field', () => query('{ customerEntitlementTotl }'), ...invalid],
  [
    'with a misspelt argument',
    () => query(`{ ${total.replace('customerId', 'customrId')} { quantity } }`),
    ...invalid,
  ],
  ['that is a mutation', () => query('mutation { x }'), ...badInput],
  ['that is a subscription', () => query('subscription { x }'), ...badInput],
  ['that is a type definition', () => query('type Query { x: Int }'), ...invalid],
  [
    'with two operations and no operation name',
    () => query('query A { __typename } query B { __typename }'),
    ...unresolved,
  ],
  ['that consists of comments', () => query(`#${'x'.repeat(200_000)}`), ...unparsed],
  [
    'with an unterminated string',
    () => query(`{ ${total.replace(`${customer}")`, customer)} }`),
    ...unparsed,
  ],
  [
    'with a block string of 100,000 lines',
    () => query(`{ ${total.replace(`"${customer}"`, `"""${'\n'.repeat(100_000)}"""`)} { quantity } }`),
    ...invalid,
  ],
  ['with a NUL character', () => query('{ __typename\u0000 }'), ...unparsed],
  [
    'with a lone surrogate',
    () => query(`{ ${total.replace(customer, '\ud800')} { quantity } }`),
    ...unparsed,
  ],
];

const values: Case[] = [
  [
    'for 1,001 totals in a list',
    () =>
      query(
        'query ($r: [CustomerEntitlementTotalRequest!]!) { customerEntitlementTotals(requests: $r) { quantity } }',
        { variables: { r: Array.from({ length: 1001 }, (_, n) => toRequest(n)) } },
      ),
    ...badInput,
  ],
  [
    'for 1,100 totals in 11 aliases of a list',
    () =>
      query(
        `query ($r: [CustomerEntitlementTotalRequest!]!) { ${repeat(11, (n) => `a${n}: customerEntitlementTotals(requests: $r) { quantity }`)} }`,
        { variables: { r: Array.from({ length: 100 }, (_, n) => toRequest(n)) } },
      ),
    ...badInput,
  ],
  [
    'for 1,001 entities',
    () =>
      query('query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }', {
        variables: { r: Array.from({ length: 1001 }, (_, n) => ({ __typename: 'Customer', id: idOf(n) })) },
      }),
    ...badInput,
  ],
  [
    'for an entity of the type __proto__',
    () =>
      query('query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }', {
        variables: { r: [{ __typename: '__proto__' }] },
      }),
    ...badInput,
  ],
  [
    'for an entity of the type constructor',
    () =>
      query('query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }', {
        variables: { r: [{ __typename: 'constructor', id: customer }] },
      }),
    ...badInput,
  ],
  [
    'with a path as id',
    () => query(totalQuery, { variables: { ...variables, customerId: '../../../admin' } }),
    ...badInput,
  ],
  [
    'with an escaped path as id',
    () => query(totalQuery, { variables: { ...variables, customerId: '%2e%2e%2f%2e%2e%2fadmin' } }),
    ...badInput,
  ],
  [
    'with a query string after an id',
    () => query(totalQuery, { variables: { ...variables, customerId: `${customer}?x=1` } }),
    ...badInput,
  ],
  [
    'with a URL fragment after an id',
    () => query(totalQuery, { variables: { ...variables, customerId: `${customer}#` } }),
    ...badInput,
  ],
  [
    'with another host as id',
    () => query(totalQuery, { variables: { ...variables, entitlementId: '@evil.example.com/' } }),
    ...badInput,
  ],
  [
    'with a line break and a header after an id',
    () => query(totalQuery, { variables: { ...variables, customerId: `${customer}\r\nx-evil: 1` } }),
    ...badInput,
  ],
  [
    'with fullwidth digits in an id',
    () => query(totalQuery, { variables: { ...variables, customerId: customer.replaceAll('3', '３') } }),
    ...badInput,
  ],
  [
    'with a list as id',
    () => query(totalQuery, { variables: { ...variables, customerId: [customer] } }),
    ...badInput,
  ],
  [
    'with an object as id',
    () => query(totalQuery, { variables: { ...variables, customerId: { toString: customer } } }),
    ...badInput,
  ],
  [
    'with a date of 1e400',
    () => query(totalQuery, { variables }).replace('}}', ',"startDate":1e400}}'),
    ...badInput,
  ],
  [
    'with a date of 2^53',
    () => query(totalQuery, { variables: { ...variables, startDate: 2 ** 53 } }),
    ...badInput,
  ],
  [
    'with a date of 309 digits',
    () => query(totalQuery, { variables }).replace('}}', `,"startDate":${'9'.repeat(309)}}}`),
    ...badInput,
  ],
  [
    'with text as date',
    () => query(totalQuery, { variables: { ...variables, startDate: '0; DROP TABLE totals' } }),
    ...badInput,
  ],
  [
    'with a variable named __proto__',
    () =>
      query(
        'query ($__proto__: CustomerEntitlementTotalRequest!) { customerEntitlementTotals(requests: [$__proto__]) { quantity } }',
        { variables: { x: 1 } },
      ).replace('"x":1', `"__proto__":${JSON.stringify({ ...variables, customerId: 'x' })}`),
    ...badInput,
  ],
];

const entityQuery = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { FIELDS } } }';
const thousandEntities = {
  r: Array.from({ length: 1000 }, () => ({ __typename: 'Customer', id: customer })),
};

const amplifications: Case[] = [
  [
    'with 660 fields under one response name, in each of two objects',
    () => query(`{ x { ${repeat(660, (n) => `a: n${n}`)} } x { ${repeat(660, (n) => `a: m${n}`)} } }`),
    ...invalid,
  ],
  [
    'with 790 objects under one response name',
    () => query(`{ ${repeat(790, () => 'a { b }')} }`),
    ...invalid,
  ],
  [
    'for 1,000 entities with 99 aliases each',
    () =>
      query(
        entityQuery.replace(
          'FIELDS',
          repeat(99, (n) => `a${n}: id`),
        ),
        { variables: thousandEntities },
      ),
    ...badInput,
  ],
  [
    'for 1,000 entities with aliases of 1,900 letters',
    () =>
      query(
        entityQuery.replace(
          'FIELDS',
          repeat(99, (n) => `a${n}${'x'.repeat(1900)}: __typename`),
        ),
        { variables: thousandEntities },
      ),
    ...badInput,
  ],
  [
    'with 20,000 unknown fields in an input object',
    () => {
      const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1]));
      const text =
        'query ($r: [CustomerEntitlementTotalRequest!]!) { customerEntitlementTotals(requests: $r) { quantity } }';
      return query(text, { variables: { r: [wide] } });
    },
    ...badInput,
  ],
];

const bodies: Case[] = [
  [
    'with lists nested 100,000 deep',
    () => `{"query":"{ __typename }","variables":{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    200,
    'none',
  ],
  ['with 40,000 nested objects that are not closed', () => '{"a":'.repeat(40_000), ...badRequest],
  [
    'with __proto__ as key',
    () =>
      '{"query":"{ __typename }","__proto__":{"query":"{ x }"},"variables":{"__proto__":{"polluted":true}}}',
    200,
    'none',
  ],
  [
    'with two query keys, of which the last one is used',
    () => `{"query":"{ __typename }","query":"{ ${total.replaceAll('"', '\\"')} }"}`,
    ...invalid,
  ],
  ['that is a batch', () => `[${query('{ __typename }')},${query('{ __typename }')}]`, ...badRequest],
  ['that is empty', () => '', ...badRequest],
  ['that is null', () => 'null', ...badRequest],
  ['that is a number', () => '1e999', ...badRequest],
  ['that is a string', () => '"{ __typename }"', ...badRequest],
  ['without a query', () => '{}', ...badRequest],
  ['with a list as query', () => '{"query":["{ __typename }"]}', ...badRequest],
  ['with a list as variables', () => query('{ __typename }', { variables: [1] }), ...badRequest],
  ['with a number as operation name', () => query('{ __typename }', { operationName: 7 }), ...badRequest],
  [
    'with an unknown operation name',
    () => query('query A { __typename }', { operationName: '__proto__' }),
    ...unresolved,
  ],
  [
    'that is not UTF-8',
    () => new Uint8Array([...Buffer.from('{"query":"'), 0xff, 0xfe, ...Buffer.from('"}')]),
    ...badRequest,
  ],
  ['that is UTF-16', () => new Uint8Array(Buffer.from(query('{ __typename }'), 'utf16le')), ...badRequest],
  ['that exceeds the limit by a byte', () => `{"query":"${'x'.repeat(262_145 - 12)}"}`, 413, 'BAD_REQUEST'],
  [
    'with a wrong persisted-query hash',
    () =>
      query('{ __typename }', { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } }),
    ...badRequest,
  ],
  [
    'with an unknown persisted-query hash',
    () => JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } }),
    200,
    'PERSISTED_QUERY_NOT_FOUND',
  ],
  [
    'with __proto__ as persisted-query hash',
    () => JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: '__proto__' } } }),
    200,
    'PERSISTED_QUERY_NOT_FOUND',
  ],
  [
    'with an object as persisted-query hash',
    () =>
      JSON.stringify({
        extensions: { persistedQuery: { version: 1, sha256Hash: { toString: 1, valueOf: 1 } } },
      }),
    ...badRequest,
  ],
  ['with a list as extensions', () => JSON.stringify({ extensions: [] }), ...badRequest],
];

describe.each([
  ['an operation', documentShapes],
  ['an operation', values],
  ['an operation', amplifications],
  ['a body', bodies],
])('%s', (_, cases) => {
  it.each(cases.map(([name, ...rest]) => [name, rest] as const))(
    '%s is handled in little CPU time',
    async (_name, attack) => {
      const [body, status, code] = attack;
      const bytes = body();
      const outcome = await survive(gateway, () => post(gateway, bytes));
      expect(outcome).toMatchObject({ status, code: code === 'none' ? undefined : code });
      expect(outcome.body.length).toBeLessThan(700_000);
      expect(outcome.body).not.toMatch(/Did you mean|node_modules|at .*\.ts:\d/);
      expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
      // Only the ids of the test's customer reach Zenskar.
      expect(gateway.simulator.perKey.keys().every((key) => key.includes(customer))).toBe(true);
    },
  );
});

describe('Object.prototype', () => {
  it('is not polluted by these attacks', () => {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
