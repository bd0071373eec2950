import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseLimits } from '../../src/config/config.ts';
import { createSafelist } from '../../src/graphql/safelist.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { post, survive, toOutcome } from '../support/attack.ts';
import { type Gateway, until, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, idOf } from '../support/ids.ts';
import { run, runGateway } from '../support/process.ts';
import { describeWithRedis, describeWithRedisOrCluster } from '../support/redis.ts';
import type { TestRedis } from '../support/redisServer.ts';

const folder = mkdtempSync(join(tmpdir(), 'safelist-'));
const path = join(folder, 'manifest.json');
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const make = (...globs: string[]) =>
  run(['src/cli/safelist.ts', ...globs.map((glob) => join(folder, glob)), '--output', path], {});
const variables = { entitlementId: entitlement, customerId: customer };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

beforeAll(async () => {
  write(
    'total.graphql',
    `query Total($entitlementId: UUID!, $customerId: UUID!) {
      customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { ...Number customer { id } }
    }`,
  );
  write('number.graphql', 'fragment Number on CustomerEntitlementTotal { quantity stale }');
  const made = make('*.graphql');
  expect([await made.exited, made.output()]).toEqual([0, `${path} lists 1 operations of 2 files.\n`]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const operation = () => JSON.parse(readFileSync(path, 'utf8')).operations[0] as { id: string; body: string };
const answered = {
  data: {
    customerEntitlementTotal: {
      __typename: 'CustomerEntitlementTotal',
      quantity: expectedQuantity(),
      stale: false,
      customer: { __typename: 'Customer', id: customer },
    },
  },
};

describe('a safelist manifest', () => {
  it('lists each operation with its fragments, in the form that Apollo Client sends', () => {
    const body = `query Total($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) {
    ...Number
    customer {
      id
      __typename
    }
    __typename
  }
}

fragment Number on CustomerEntitlementTotal {
  quantity
  stale
  __typename
}`;
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: [{ id: sha256(body), name: 'Total', type: 'query', body }],
    });
  });

  it.each([
    ['nothing.gql', undefined, /No file matches/],
    ['unnamed.gql', '{ __typename }', /An operation has no name/],
    [
      'twice.gql',
      'query A { __typename } query A { __typename }',
      /Two operations or fragments have the name A/,
    ],
    ['lone.gql', 'fragment F on Query { __typename }', /The files contain no operation/],
    ['wrong.gql', 'query A { nothing }', /an invalid operation A: Cannot query field "nothing"/],
    ['broken.gql', 'query A {', /Syntax Error/],
  ])('is not created from %s', async (name, text, complaint) => {
    if (text !== undefined) write(name, text);
    const made = make(name);
    expect(await made.exited).toBe(1);
    expect(made.output()).toMatch(/^The safelist cannot be created: /);
    expect(made.output()).toMatch(complaint);
  });

  it('is created without added __typename fields with --plain', async () => {
    write('plain.gql', 'query Plain { customerEntitlementTotals(requests: []) { quantity } }');
    const made = run(
      ['src/cli/safelist.ts', join(folder, 'plain.gql'), '--plain', '--output', join(folder, 'plain.json')],
      {},
    );
    expect(await made.exited).toBe(0);
    const [{ body }] = JSON.parse(readFileSync(join(folder, 'plain.json'), 'utf8')).operations;
    expect(body).not.toContain('__typename');
  });

  it.each([
    [
      'an invalid operation',
      ['query A { nothing }'],
      /lists an invalid operation A: Cannot query field "nothing"/,
    ],
    ['a syntax error', ['query A {'], /lists an invalid operation A: Syntax Error/],
    ['a duplicate id', ['query A { __typename }', 'query A { a: __typename }'], /lists the id a twice/],
  ])('with %s prevents the start of the gateway', async (_, bodies, complaint) => {
    const operations = bodies.map((body) => ({ id: 'a', name: 'A', type: 'query', body }));
    write(
      'wrong.json',
      JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }),
    );
    const gateway = runGateway({ GRAPHQL_SAFELIST: join(folder, 'wrong.json') });
    expect(await gateway.exited).toBe(78);
    expect(gateway.output()).toMatch(/^The gateway cannot start: GRAPHQL_SAFELIST lists /);
    expect(gateway.output()).toMatch(complaint);
  });

  it('with several invalid operations is reported with all of them, by the start and by doctor', async () => {
    write('wrong.json', JSON.stringify({ 'sha256:a': 'query A { nothing }', 'sha256:b': 'query B {' }));
    const environment = { GRAPHQL_SAFELIST: join(folder, 'wrong.json') };
    const problems = [
      'GRAPHQL_SAFELIST lists an invalid operation A: Cannot query field "nothing" on type "Query".',
      'GRAPHQL_SAFELIST lists an invalid operation B: Syntax Error: Expected Name, found <EOF>.',
    ];
    const gateway = runGateway(environment);
    expect(await gateway.exited).toBe(78);
    expect(gateway.output()).toBe(`The gateway cannot start: ${problems.join('\n')}\n`);
    const credentials = { ZENSKAR_API_KEY: 'key-0123456789', ZENSKAR_ORGANISATION: 'acme' };
    const doctor = run(['src/cli/doctor.ts'], { ...credentials, ...environment });
    expect(await doctor.exited).toBe(78);
    for (const problem of problems) expect(doctor.output()).toContain(`problem configuration: ${problem}`);
  });
});

describe('a safelist with an operation that every request would reject', () => {
  const total = `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}")`;
  const times = (count: number, toText: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => toText(n)).join(' ');
  const request = `{ entitlementId: "${entitlement}", customerId: "${customer}" }`;
  const cases: [limit: string, variables: Record<string, string>, body: string][] = [
    [
      'Depth limit of 2 exceeded, found 3.',
      { GRAPHQL_MAX_DEPTH: '2' },
      `query Listed { ${total} { ...F } } fragment F on CustomerEntitlementTotal { customer { id } }`,
    ],
    [
      'Aliases limit of 1 exceeded, found 2.',
      { GRAPHQL_MAX_ALIASES: '1' },
      'query Listed { a: __typename b: __typename }',
    ],
    [
      'Directives limit of 50 exceeded, found 51.',
      {},
      `query Listed { __typename ${times(51, () => '... @include(if: true) { __typename }')} }`,
    ],
    ['Tokens limit of 5 exceeded.', { GRAPHQL_MAX_TOKENS: '5' }, 'query Listed { __typename __typename }'],
    [
      'Spreads limit of 200 exceeded, found 201.',
      {},
      `query Listed { ${times(201, () => '... { __typename }')} }`,
    ],
    ['Repetition limit of 20 exceeded, found 21.', {}, `query Listed { ${times(21, () => '__typename')} }`],
    [
      'The operation asks for more than 2 totals.',
      { GRAPHQL_MAX_TOTALS: '2' },
      `query Listed { ${times(3, (n) => `t${n}: ${total} { quantity }`)} }`,
    ],
    [
      'The operation asks for more than 1 totals.',
      { RATE_LIMIT_PER_MINUTE: '1' },
      `query Listed { customerEntitlementTotals(requests: [${request}, ${request}]) { quantity } }`,
    ],
    [
      'GraphQL introspection has been disabled, but the requested query contained the field "__schema".',
      {},
      'query Listed { __schema { description } }',
    ],
  ];
  const expected = (limit: string) => `lists an invalid operation Listed: ${limit}\n`;

  it.each(cases)('prevents the start with its name and the limit: %s', async (limit, environment, body) => {
    write('limits.json', JSON.stringify({ Listed: body }));
    const gateway = runGateway({ GRAPHQL_SAFELIST: join(folder, 'limits.json'), ...environment });
    expect([await gateway.exited, gateway.output()]).toEqual([
      78,
      `The gateway cannot start: GRAPHQL_SAFELIST ${expected(limit)}`,
    ]);
  });

  it('is not created by npm run safelist with the same limits', async () => {
    for (const [limit, environment, body] of cases) {
      write('limits.gql', body);
      const paths = [join(folder, 'limits.gql'), '--output', join(folder, 'limits.json')];
      const made = run(['src/cli/safelist.ts', '--plain', ...paths], environment);
      expect([await made.exited, made.output()]).toEqual([
        1,
        `The safelist cannot be created: GRAPHQL_SAFELIST ${expected(limit)}`,
      ]);
    }
  });

  it('does not prevent the start if some values of its variables are accepted', async () => {
    const skipped = times(3, (n) => `t${n}: ${total} @skip(if: $skip) { quantity }`);
    const list = 'customerEntitlementTotals(requests: $r) { quantity }';
    const body = `query Listed($skip: Boolean!, $r: [CustomerEntitlementTotalRequest!]!) { ${skipped} ${list} }`;
    expect(() =>
      createSafelist([{ id: 'a', name: 'Listed', body }], {
        schema: createSchema(),
        limits: parseLimits({ GRAPHQL_MAX_TOTALS: '2' }),
      }),
    ).not.toThrow();
  });
});

describe('a gateway with a safelist', () => {
  const [gateway] = useReplicas(1, () => ({ GRAPHQL_SAFELIST: path, GRAPHQL_INTROSPECTION: 'true' })) as [
    Gateway,
  ];
  const byId = (id: unknown, rest: object = {}) =>
    post(
      gateway,
      JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: id } }, variables, ...rest }),
    );
  const byText = (query: unknown, rest: object = {}) =>
    post(gateway, JSON.stringify({ query, variables, ...rest }));

  it('runs a listed operation by its id', async () => {
    expect(JSON.parse((await byId(operation().id)).body)).toEqual(answered);
  });

  it('runs a listed operation by its text, with any white space and comments', async () => {
    const { body } = operation();
    for (const text of [body, body.replaceAll(/\s+/g, ' '), `# A comment\n${body.replaceAll('\n', '\n\n')}`])
      expect(JSON.parse((await byText(text)).body)).toEqual(answered);
    expect(JSON.parse((await byText(body, { operationName: 'Total' })).body)).toEqual(answered);
  });

  it('runs a listed operation by GET', async () => {
    const { id, body } = operation();
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash: id } });
    for (const parameters of [{ extensions }, { query: body }]) {
      const search = new URLSearchParams({ ...parameters, variables: JSON.stringify(variables) });
      const headers = { 'apollo-require-preflight': '1' };
      expect(await (await gateway.fetch(`/graphql?${search}`, { headers })).json()).toEqual(answered);
    }
  });

  it('rejects a listed operation by GET without a header that prevents CSRF', async () => {
    const search = new URLSearchParams({ query: operation().body, variables: JSON.stringify(variables) });
    expect((await gateway.fetch(`/graphql?${search}`)).status).toBe(400);
  });

  it.each([null, ''])('treats %j as an absent text, operation name and extension', async (empty) => {
    const { id, body } = operation();
    const rest = { operationName: empty };
    expect(JSON.parse((await byId(id, { query: empty, ...rest })).body)).toEqual(answered);
    expect(JSON.parse((await byText(body, { extensions: empty, ...rest })).body)).toEqual(answered);
    expect(await byText(empty, rest)).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash: id } });
    const search = { query: '', operationName: '', extensions, variables: JSON.stringify(variables) };
    const headers = { 'apollo-require-preflight': '1' };
    const response = await gateway.fetch(`/graphql?${new URLSearchParams(search)}`, { headers });
    expect(await response.json()).toEqual(answered);
  });

  it('does not look for the operation of a malformed request', async () => {
    expect(await byText([operation().body])).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  });

  it.each<[string, () => unknown]>([
    ['another operation', () => '{ __typename }'],
    ['introspection', () => '{ __schema { queryType { name } } }'],
    ['a listed operation with another field', () => operation().body.replace('quantity', 'quantity asOf')],
    ['a listed operation followed by another one', () => `${operation().body} query B { __typename }`],
    ['a listed operation with another alias', () => operation().body.replace('quantity', 'q: quantity')],
    ['a syntax error', () => '{'],
    ['the text __proto__', () => '__proto__'],
    ['80,000 tokens', () => `{ ${'x '.repeat(80_000)} }`],
  ])('rejects %s as QUERY_NOT_IN_SAFELIST', async (_, text) => {
    const outcome = await survive(gateway, () =>
      byText(text(), { extensions: { persistedQuery: { version: 1, sha256Hash: operation().id } } }),
    );
    expect(outcome).toMatchObject({ status: 200, code: 'QUERY_NOT_IN_SAFELIST' });
    expect(gateway.log.at(-1)).toMatchObject({ msg: 'requestRejected', code: 'QUERY_NOT_IN_SAFELIST' });
    const search = new URLSearchParams({ query: String(text()) });
    const headers = { 'apollo-require-preflight': '1' };
    if (typeof text() === 'string' && search.size < 10_000 && String(search).length < 8000)
      expect(await toOutcome(await gateway.fetch(`/graphql?${search}`, { headers }))).toMatchObject({
        status: 200,
        code: 'QUERY_NOT_IN_SAFELIST',
      });
    expect(gateway.simulator.requests).toBe(0);
  });

  it.each([sha256('{ __typename }'), 'Total', '__proto__', ''])(
    'runs no operation by the unlisted id %j',
    async (id) => {
      expect(await byId(id)).toMatchObject({ status: 200, code: 'PERSISTED_QUERY_NOT_FOUND' });
    },
  );

  it('registers no further operations', async () => {
    const query = '{ __typename }';
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(query) } };
    expect(await byText(query, { extensions })).toMatchObject({ code: 'QUERY_NOT_IN_SAFELIST' });
    expect(await byId(sha256(query))).toMatchObject({ code: 'PERSISTED_QUERY_NOT_FOUND' });
  });
});

describe('a gateway without a safelist', () => {
  const gateway = useGateway();
  const query = '{ __typename }';
  const hash = { extensions: { persistedQuery: { version: 1, sha256Hash: sha256(query) } } };

  it('runs an operation by its hash after a request with its text and hash', async () => {
    expect(await post(gateway, JSON.stringify(hash))).toMatchObject({ code: 'PERSISTED_QUERY_NOT_FOUND' });
    await post(gateway, JSON.stringify({ query, ...hash }));
    expect(JSON.parse((await post(gateway, JSON.stringify(hash))).body)).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it.each([null, ''])('runs an operation by its hash beside %j as its text', async (empty) => {
    await post(gateway, JSON.stringify({ query, ...hash }));
    const rest = { query: empty, operationName: empty, variables: empty };
    expect(JSON.parse((await post(gateway, JSON.stringify({ ...hash, ...rest }))).body)).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('does not register an operation that asks for too many totals', async () => {
    const expensive = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
      customerEntitlementTotals(requests: $requests) { quantity } }`;
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(expensive) } };
    const requests = Array.from({ length: 1001 }, () => ({ entitlementId: idOf(1), customerId: idOf(2) }));
    expect(
      await post(gateway, JSON.stringify({ query: expensive, extensions, variables: { requests } })),
    ).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await post(gateway, JSON.stringify({ extensions, variables: { requests: [] } }))).toMatchObject({
      code: 'PERSISTED_QUERY_NOT_FOUND',
    });
  });

  it('does not register an invalid operation', async () => {
    const invalid = '{ nothing }';
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(invalid) } };
    await post(gateway, JSON.stringify({ query: invalid, extensions }));
    expect(await post(gateway, JSON.stringify({ extensions }))).toMatchObject({
      code: 'PERSISTED_QUERY_NOT_FOUND',
    });
  });
});

/** Two replicas, of which the second reads a query from Redis that was registered at the first. */
function useRegisteredQuery(redis: TestRedis): () => Promise<unknown> {
  const replicas = useReplicas(2, () => ({ REDIS_URL: redis.url, CACHE_MAX_AGE_SECONDS: '0' }));
  const [firstReplica, secondReplica] = replicas as [Gateway, Gateway];
  const query = 'query Registered { __typename }';
  const hash = JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: sha256(query) } } });
  beforeAll(async () => {
    await until(() => replicas.every(({ wholeLog }) => wholeLog.some(({ state }) => state === 'up')));
    await post(firstReplica, JSON.stringify({ query, ...JSON.parse(hash) }));
  });
  return async () => JSON.parse((await post(secondReplica, hash)).body);
}
const registeredAnswer = { data: { __typename: 'Query' } };

describeWithRedisOrCluster('persisted queries in Redis', (redis) => {
  const askSecondReplica = useRegisteredQuery(redis);

  it('run on all replicas', async () => {
    expect(await askSecondReplica()).toEqual(registeredAnswer);
  });
});

describeWithRedis('persisted queries in a Redis that fails', { own: true }, (redis) => {
  const askSecondReplica = useRegisteredQuery(redis);

  it('run on all replicas, and on a replica that has read them also after Redis fails', async () => {
    expect(await askSecondReplica()).toEqual(registeredAnswer);
    await redis.kill();
    expect(await askSecondReplica()).toEqual(registeredAnswer);
  });
});
