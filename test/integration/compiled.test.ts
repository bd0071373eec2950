import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { getIntrospectionQuery } from 'graphql';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement, idOf } from '../support/ids.ts';

const gateway = useGateway({
  GRAPHQL_INTROSPECTION: 'true',
  GRAPHQL_MAX_DEPTH: '20',
  UPSTREAM_RETRIES: '0',
  UPSTREAM_BREAKER_FAILURES: '10000',
  CACHE_MAX_AGE_SECONDS: '31536000',
});

/** Sends an operation past the response cache, whose key has the URL, with a fixed request id for the errors. */
let asked = 0;
async function ask(query: string, variables: object, operationName?: string): Promise<string> {
  asked += 1;
  const response = await gateway.fetch(`/graphql?n=${asked}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'r' },
    body: JSON.stringify({ query, variables, operationName }),
  });
  return `${response.status} ${await response.text()}`;
}

/** graphql-js makes the first two responses. From the third on, the document is compiled. */
async function askOften(query: string, variables: object = {}) {
  const answers: string[] = [];
  for (let n = 0; n < 4; n += 1) answers.push(await ask(query, variables));
  return answers;
}

const customers = [customer, idOf(1), customerOf('0404'), customerOf('0422'), customerOf('0200')];
/** One of twenty values is one of `others`. */
const mostly = <Value>(usual: fc.Arbitrary<Value>, ...others: Value[]) =>
  fc.oneof({ weight: 19, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const id = mostly(fc.constantFrom(...customers), 'no-id');
const flag = fc.constantFrom('true', 'false', '$yes', '$no');
const directive = fc.option(
  fc.tuple(fc.constantFrom('skip', 'include'), flag).map(([name, on]) => `@${name}(if: ${on})`),
  {
    nil: '',
  },
);
const dates = fc.constantFrom(
  '',
  ', startDate: 5',
  ', startDate: 9, endDate: 5',
  ', startDate: $date',
  ', endDate: null',
);
const leaf = fc.constantFrom(
  'quantity',
  'stale',
  '__typename',
  'q: quantity',
  'customerId',
  'e: entitlement { id __typename }',
  '...Leaf',
  '...Leaf @skip(if: $yes)',
);
const depth = fc.createDepthIdentifier();

const { selection } = fc.letrec<{ selection: string; nested: string }>((tie) => ({
  selection: fc
    .array(fc.oneof({ depthIdentifier: depth, maxDepth: 2 }, leaf, tie('nested')), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) => parts.join(' ')),
  nested: fc
    .tuple(fc.nat(999), id, dates, directive, tie('selection'))
    .map(([n, customerId, window, on, inner]) => {
      if (n < 3)
        return `customer { a${n}: entitlementTotal(entitlementId: "${idOf(n)}"${window}) ${on} { ${inner} } }`;
      if (n % 10 < 6)
        return `entitlement { a${n}: customerTotal(customerId: "${customerId}"${window}) ${on} { ${inner} } }`;
      return `customer { a${n}: entitlementTotals(entitlementIds: ["${idOf(n)}", "${entitlement}"]${window}) { ${inner} } }`;
    }),
}));
const field = fc
  .tuple(fc.nat(999), id, dates, directive, selection)
  .map(([n, customerId, window, on, inner]) => {
    if (n % 10 < 4)
      return `f${n}: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customerId}"${window}) ${on} { ${inner} }`;
    if (n % 10 < 6)
      return `f${n}: customerEntitlementTotal(entitlementId: $entitlement, customerId: $customer${window}) ${on} { ${inner} }`;
    if (n % 10 < 8) return `f${n}: customerEntitlementTotals(requests: $requests) ${on} { ${inner} }`;
    return `f${n}: _entities(representations: $representations) { ... on Customer ${on} { id t: entitlementTotal(entitlementId: "${entitlement}"${window}) { ${inner} } } ... on Entitlement { customerTotal(customerId: "${customerId}") { ${inner} } } }`;
  });
const variables = fc.record({
  entitlement: mostly<unknown>(fc.constantFrom(entitlement, entitlement.toUpperCase()), null, 7),
  customer: id,
  date: mostly<unknown>(fc.constantFrom(undefined, null, 5), 1.5, '5'),
  yes: mostly<unknown>(fc.boolean(), null),
  no: fc.constant(false),
  requests: fc.array(
    id.map((customerId) => ({ entitlementId: entitlement, customerId })),
    { maxLength: 4 },
  ),
  representations: fc.array(
    fc.record({ __typename: fc.constantFrom('Customer', 'Entitlement', 'Other'), id }),
    { maxLength: 4 },
  ),
});
const operationHead =
  'query ($entitlement: UUID!, $customer: UUID!, $date: Int, $yes: Boolean!, $no: Boolean!, $requests: [CustomerEntitlementTotalRequest!]!, $representations: [_Any!]!)';

/** Uses every variable and fragment, because a document with unused ones is invalid. */
const toDocument = (fields: string[]) => `${operationHead} { ${fields.join(' ')} ...All }
  fragment Leaf on CustomerEntitlementTotal { entitlementId ... @include(if: $yes) { asOf } ... @skip(if: $yes) { stale } }
  fragment All on Query {
    z1: customerEntitlementTotal(entitlementId: $entitlement, customerId: $customer, startDate: $date) @skip(if: $no) { ...Leaf }
    z2: customerEntitlementTotals(requests: $requests) @include(if: $no) { quantity }
    z3: _entities(representations: $representations) @include(if: $no) { __typename }
  }`;

const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}")`;

describe('a compiled document', () => {
  it('returns the same bytes as graphql-js for any generated operation', async () => {
    const seen = { compiled: 0, interpreted: 0, withErrors: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(field, { maxLength: 4 }), variables, async (fields, values) => {
        const query = toDocument(fields);
        // Fills the cache, so that all later responses contain the same totals.
        await ask(`${query} #warm`, values);
        const [firstAnswer, ...otherAnswers] = await askOften(query, values);
        for (const other of otherAnswers) expect(other).toBe(firstAnswer);
        const execution = gateway.log.findLast(({ msg }) => msg === 'operationEnded')?.execution;
        if (execution === 'compiled') {
          seen.compiled += 1;
          if (firstAnswer?.includes('"errors"')) seen.withErrors += 1;
        } else seen.interpreted += 1;
      }),
      { numRuns: 300 },
    );
    expect(seen.compiled).toBeGreaterThan(40);
    expect(seen.withErrors).toBeGreaterThan(20);
    expect(seen.interpreted).toBeGreaterThan(20);
  }, 120_000);

  it.each([
    ['introspection', getIntrospectionQuery()],
    [
      'the introspection of one type',
      '{ __type(name: "Customer") { name fields { name args { name defaultValue } } } __typename }',
    ],
    ['the SDL', '{ _service { sdl } }'],
    ['a mutation', 'mutation { x }'],
    [
      'a variable inside an entity representation',
      'query ($s: UUID!) { _entities(representations: [{ __typename: "Customer", id: $s }]) { ... on Customer { id } } }',
      { s: customer },
    ],
    [
      'null for a variable with a default, in a non-null argument',
      'query ($s: UUID = "11111111-aaaa-4bbb-8ccc-222222222222") { customerEntitlementTotal(entitlementId: $s, customerId: "11111111-aaaa-4bbb-8ccc-222222222222") { quantity } }',
      { s: null },
    ],
    [
      'null for a variable with a default, inside a list',
      'query ($s: UUID = "11111111-aaaa-4bbb-8ccc-222222222222") { customerEntitlementTotals(requests: [{ entitlementId: $s, customerId: "11111111-aaaa-4bbb-8ccc-222222222222" }]) { quantity } }',
      { s: null },
    ],
    [
      'null for a variable with a default, in a directive',
      'query ($s: Boolean = true) { a: __typename b: __typename @skip(if: $s) }',
      { s: null },
    ],
    [
      'a variable named __proto__',
      'query ($__proto__: Int) { customerEntitlementTotal(entitlementId: "11111111-aaaa-4bbb-8ccc-222222222222", customerId: "11111111-aaaa-4bbb-8ccc-222222222222", startDate: $__proto__) { quantity } }',
      JSON.parse('{ "__proto__": 86400 }'),
    ],
    ['an alias named __proto__', '{ a: __typename __proto__: __typename b: __typename }'],
    [
      'a field that is repeated after a fragment that may include it',
      `query ($no: Boolean = false) { ${total} { ...F quantity stale } } fragment F on CustomerEntitlementTotal { ... @include(if: $no) { stale } asOf }`,
    ],
    [
      'a fragment that is spread again after it was skipped',
      `{ ${total} { stale ...F @skip(if: true) ...F } } fragment F on CustomerEntitlementTotal { quantity }`,
    ],
    [
      'a fragment that is spread again inside another one after it was skipped',
      `{ ${total} { ...F @skip(if: true) ...G } } fragment F on CustomerEntitlementTotal { ...G } fragment G on CustomerEntitlementTotal { quantity }`,
    ],
    [
      'an object field that is selected again after it was skipped',
      `{ ${total} @skip(if: true) { customer { id } } ${total} { quantity customer { id } } }`,
    ],
    [
      'a fragment that is skipped in one field and spread in another',
      `query ($yes: Boolean = true) { a: ${total} { ...F @skip(if: $yes) stale } b: ${total} { ...F } } fragment F on CustomerEntitlementTotal { quantity }`,
    ],
    [
      'a fragment that another fragment skips',
      `{ a: ${total} { ...G stale } b: ${total} { ...F } } fragment F on CustomerEntitlementTotal { quantity } fragment G on CustomerEntitlementTotal { ... @include(if: false) { ...F } stale }`,
    ],
    [
      'a variable named constructor',
      'query ($constructor: [_Any!]!) { _entities(representations: $constructor) { __typename } }',
    ],
    ['two operations', 'query A { __typename } query B { _service { sdl } }'],
  ] as [string, string, object?][])(
    'returns the same response as graphql-js for %s',
    async (_, query, values = {}) => {
      const [firstAnswer, ...otherAnswers] = await askOften(query, values);
      for (const other of otherAnswers) expect(other).toBe(firstAnswer);
    },
  );

  it('returns the same responses as graphql-js for two operations that share a fragment', async () => {
    const query = `query A { ${total} { ...F @skip(if: true) stale } } query B { ${total} { ...F } } fragment F on CustomerEntitlementTotal { quantity }`;
    const names = Array.from({ length: 4 }, () => ['A', 'B']).flat();
    const answers: string[] = [];
    for (const name of names) answers.push(await ask(query, {}, name));
    expect(new Set(answers).size).toBe(2);
    expect(answers.at(-1)).toMatch(/"quantity":\d+/);
  });

  it('is used from the third request on, as the log shows', async () => {
    const query = `{ customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}") { quantity } } #own`;
    await askOften(query);
    const executions = gateway.log
      .filter(({ msg }) => msg === 'operationEnded')
      .map(({ execution }) => execution);
    expect(executions).toEqual(['interpreted', 'interpreted', 'compiled', 'compiled']);
  });

  it('leaves invalid variables to graphql-js', async () => {
    const query =
      'query ($date: Int) { _service { sdl @include(if: false) } __typename @skip(if: true) ...F } fragment F on Query { customerEntitlementTotal(entitlementId: "11111111-aaaa-4bbb-8ccc-222222222222", customerId: "11111111-aaaa-4bbb-8ccc-222222222222", startDate: $date) { stale } }';
    await askOften(query, { date: 1 });
    expect(await ask(query, { date: 1.5 })).toMatch(/Int cannot represent non-integer value: 1.5/);
    const ended = gateway.log.findLast(({ msg }) => msg === 'operationEnded');
    expect(ended).toMatchObject({ execution: 'interpreted', codes: ['BAD_USER_INPUT'] });
  });
});
