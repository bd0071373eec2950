import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Client,
  createRequest,
  fetchExchange,
  makeOperation,
  type OperationResult,
  type TypedDocumentNode,
} from '@urql/core';
import { survive, toOutcome } from '../support/attack.ts';
import { type Gateway, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';
import { run, runGateway } from '../support/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'documents-'));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const hashOf = (text: string, algorithm = 'sha256') => createHash(algorithm).update(text).digest('hex');
const variables = { entitlementId: entitlement, customerId: customer };
const answered = { data: { customerEntitlementTotal: { quantity: expectedQuantity() } } };

const md5 = hashOf(totalQuery, 'md5');
const named = `query Named { __typename } # ${'x'.repeat(20)}`;
/** As Relay's compiler writes it, with ids that are also names of prototypes. */
const texts = `{"${md5}":${JSON.stringify(totalQuery)},"sha256:${hashOf(named)}":${JSON.stringify(named)},
  "__proto__":"{ proto: __typename }","constructor":"{ made: __typename }"}`;
const allowGet = { 'apollo-require-preflight': '1' };

/** Sends this body by POST and by GET. */
async function send({ fetch }: Pick<Gateway, 'fetch'>, body: Record<string, unknown>) {
  const headers = { 'content-type': 'application/json' };
  const byPost = await fetch('/graphql', { method: 'POST', body: JSON.stringify(body), headers });
  const parameters = Object.entries(body).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const byGet = await fetch(`/graphql?${new URLSearchParams(parameters)}`, { headers: allowGet });
  const toAnswer = async (response: Response) => ({
    status: response.status,
    body: (await response.json()) as object,
  });
  return [await toAnswer(byPost), await toAnswer(byGet)];
}

const twice = (answer: object) => [answer, answer];
const ok = (body: object) => twice({ status: 200, body });
const notFound = twice({
  status: 200,
  body: {
    errors: [
      {
        message: 'PersistedQueryNotFound',
        extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', requestId: expect.any(String) },
      },
    ],
  },
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a gateway with a safelist of texts by id', () => {
  const [gateway] = useReplicas(1, () => ({ GRAPHQL_SAFELIST: write('texts.json', texts) })) as [Gateway];

  it('finds a document by its custom id, as Relay sends it, and not by the id in another case', async () => {
    expect(await send(gateway, { documentId: md5, variables })).toEqual(ok(answered));
    expect(await send(gateway, { documentId: md5.toUpperCase(), variables })).toEqual(notFound);
  });

  it.each(['sha256:', ''])('finds a document by its SHA-256 hash with the prefix %j', async (prefix) => {
    expect(await send(gateway, { documentId: `${prefix}${hashOf(named)}` })).toEqual(
      ok({ data: { __typename: 'Query' } }),
    );
    const extensions = { persistedQuery: { version: 1, sha256Hash: `${prefix}${hashOf(named)}` } };
    expect(await send(gateway, { extensions, operationName: 'Named' })).toEqual(
      ok({ data: { __typename: 'Query' } }),
    );
  });

  it('finds listed ids that are names of prototypes, and no others', async () => {
    expect(await send(gateway, { documentId: '__proto__' })).toEqual(ok({ data: { proto: 'Query' } }));
    expect(await send(gateway, { documentId: 'constructor' })).toEqual(ok({ data: { made: 'Query' } }));
    for (const documentId of ['toString', 'hasOwnProperty', 'apq:constructor', `sha256:${md5}`, ' '])
      expect(await send(gateway, { documentId })).toEqual(notFound);
  });

  it('rejects a text beside an id, also if both are listed', async () => {
    const error = {
      message: 'Expected either `query` or `documentId`, not both.',
      extensions: { code: 'BAD_REQUEST', retryable: false, requestId: expect.any(String) },
    };
    expect(await send(gateway, { query: named, documentId: hashOf(named) })).toEqual(
      twice({ status: 400, body: { errors: [error] } }),
    );
  });

  it('answers as application/graphql-response+json with 404 for an unknown id and 422 for a malformed one', async () => {
    const statusOf = async (documentId: unknown) => {
      const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
      const body = JSON.stringify({ documentId });
      const { status } = await gateway.fetch('/graphql', { method: 'POST', body, headers });
      const search = new URLSearchParams({ documentId: String(documentId) });
      const byGet = await gateway.fetch(`/graphql?${search}`, { headers: { ...headers, ...allowGet } });
      return [status, byGet.status];
    };
    expect(await statusOf('unknown')).toEqual([404, 404]);
    expect(await statusOf('')).toEqual([422, 422]);
    // A URL has texts only.
    expect(await statusOf({ a: 1 })).toEqual([422, 404]);
  });

  it('executes a listed text and no other', async () => {
    expect(await send(gateway, { query: named })).toEqual(ok({ data: { __typename: 'Query' } }));
    const [byPost, byGet] = await send(gateway, { query: '{ __typename }' });
    for (const answer of [byPost, byGet])
      expect(answer?.body).toMatchObject({ errors: [{ extensions: { code: 'QUERY_NOT_IN_SAFELIST' } }] });
  });

  it('counts its operations by the names in the texts', async () => {
    await send(gateway, { documentId: hashOf(named) });
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^graphql_operations_total\{operation="Named",outcome="ok"\} \d+$/m);
  });

  it.each([
    [
      'two ids that differ in the prefix sha256: alone',
      { [`sha256:${hashOf('a')}`]: '{ __typename }', [hashOf('a')]: '{ a: __typename }' },
      `lists the id ${hashOf('a')} twice.`,
    ],
    ['an invalid text', { a: '{ nothing }' }, 'lists an invalid operation a: Cannot query field "nothing"'],
    ['a text that does not parse', { a: '{' }, 'lists an invalid operation a: Syntax Error'],
    ['no text', {}, 'is not a manifest (it is empty); expected'],
  ])('does not start with %s', async (_, manifest, complaint) => {
    const started = runGateway({ GRAPHQL_SAFELIST: write('wrong.json', JSON.stringify(manifest)) });
    expect(await started.exited).toBe(78);
    expect(started.output()).toContain(`GRAPHQL_SAFELIST ${complaint}`);
  });
});

describe('a gateway without a safelist', () => {
  const gateway = useGateway({ HTTP_MAX_BODY_BYTES: '3000000' });
  const post = async (body: string) => {
    const headers = { 'content-type': 'application/json' };
    return toOutcome(await gateway.fetch('/graphql', { method: 'POST', body, headers }));
  };

  it('finds a registered document by its hash, with and without the prefix sha256:', async () => {
    const query = '{ registered: __typename }';
    const documentIds = [hashOf(query), `sha256:${hashOf(query)}`];
    for (const documentId of documentIds) expect(await send(gateway, { documentId })).toEqual(notFound);
    const persistedQuery = { version: 1, sha256Hash: hashOf(query) };
    await post(JSON.stringify({ query, extensions: { persistedQuery } }));
    for (const documentId of documentIds)
      expect(await send(gateway, { documentId })).toEqual(ok({ data: { registered: 'Query' } }));
  });

  it('registers a document by its hash with the prefix sha256:', async () => {
    const query = '{ prefixed: __typename }';
    const persistedQuery = { version: 1, sha256Hash: `sha256:${hashOf(query)}` };
    await post(JSON.stringify({ query, extensions: { persistedQuery } }));
    expect(await send(gateway, { documentId: hashOf(query) })).toEqual(ok({ data: { prefixed: 'Query' } }));
  });

  it.each([
    ['documentId', (id: string) => ({ documentId: id })],
    ['persistedQuery', (id: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: id } } })],
  ])('rejects an id of 1 MB in %s in little CPU time and does not log it', async (_, toBody) => {
    for (const id of ['x'.repeat(1_000_000), 'sha256:'.repeat(142_857), 'a'.repeat(1_000_000)]) {
      const body = JSON.stringify(toBody(id));
      expect(await survive(gateway, () => post(body))).toMatchObject({
        status: 200,
        code: 'PERSISTED_QUERY_NOT_FOUND',
      });
      expect(Math.max(...gateway.log.map((line) => JSON.stringify(line).length))).toBeLessThan(1000);
    }
  });

  it('rejects an id of 1 MB in a URL as a URL that is too long', async () => {
    const path = `/graphql?documentId=${'x'.repeat(1_000_000)}`;
    // Undefined if the connection closes while the client still sends.
    const response = await gateway.fetch(path).catch(() => undefined);
    expect([414, undefined]).toContain(response?.status);
    expect((await gateway.fetch('/livez')).status).toBe(200);
  });

  it('finds nothing by the id __proto__, or by a member __proto__', async () => {
    expect(await send(gateway, { documentId: '__proto__' })).toEqual(notFound);
    expect(await post('{"__proto__":{"documentId":"a"}}')).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
  });

  it('registers the documents of Apollo Client when it has not found them', async () => {
    const bodies: object[] = [];
    const link = new HttpLink({
      uri: `${gateway.url}/graphql`,
      fetch: (uri, init) => {
        bodies.push(JSON.parse(String(init?.body)));
        return fetch(uri, init);
      },
    });
    const persisted = new PersistedQueryLink({ sha256: hashOf });
    const client = new ApolloClient({ cache: new InMemoryCache(), link: persisted.concat(link) });
    const query = gql`query Persisted($entitlementId: UUID!, $customerId: UUID!) {
      customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity }
    }`;
    const ask = () => client.query({ query, variables, fetchPolicy: 'no-cache' });
    for (let n = 0; n < 2; n += 1) expect((await ask()).data).toMatchObject(answered.data);
    expect(bodies.map((body) => 'query' in body)).toEqual([false, true, false]);
    client.stop();
  });
});

describe('a gateway with the persisted documents of GraphQL Code Generator', () => {
  const made = join(folder, 'client/');
  beforeAll(async () => {
    const documents = write(
      'total.graphql',
      `query Total($entitlementId: UUID!, $customerId: UUID!) {
        customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity } }`,
    );
    const generates = { [made]: { preset: 'client', presetConfig: { persistedDocuments: true } } };
    const config = write(
      'codegen.json',
      JSON.stringify({ schema: 'schema/*.graphql', documents, generates }),
    );
    const generated = run(['node_modules/@graphql-codegen/cli/esm/bin.js', '--config', config], {});
    expect([await generated.exited, generated.output()]).toEqual([0, expect.any(String)]);
  });
  const [gateway] = useReplicas(1, () => ({ GRAPHQL_SAFELIST: join(made, 'persisted-documents.json') })) as [
    Gateway,
  ];
  const idOf = () => {
    const manifest = JSON.parse(readFileSync(join(made, 'persisted-documents.json'), 'utf8'));
    return String(Object.keys(manifest)[0]);
  };

  it('executes them by their ids', async () => {
    expect(await send(gateway, { documentId: idOf(), variables })).toEqual(ok(answered));
  });

  it('executes them for urql, which sends the id of a document without definitions', async () => {
    const client = new Client({
      url: `${gateway.url}/graphql`,
      exchanges: [fetchExchange],
      preferGetMethod: false,
    });
    const document = {
      kind: 'Document',
      definitions: [],
      documentId: idOf(),
    } as unknown as TypedDocumentNode;
    // As in production: otherwise urql looks for the kind of the operation in its definitions.
    const operation = makeOperation('query', createRequest(document, variables), {
      url: `${gateway.url}/graphql`,
      requestPolicy: 'network-only',
      preferGetMethod: false,
    });
    const { data, error } = await new Promise<OperationResult>((resolve) => {
      client.executeRequestOperation(operation).subscribe(resolve);
    });
    expect([data, error]).toEqual([answered.data, undefined]);
  });
});
