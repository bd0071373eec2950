import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors.ts';
import { parseRequest } from '../../src/graphql/request.ts';

const query = '{ __typename }';
const persistedQuery = { version: 1, sha256Hash: 'a' } as const;
const extensions = { persistedQuery };

const byPost = (body: unknown) => parseRequest({ method: 'POST', search: '?query=ignored', body });
const byGet = (parameters: ConstructorParameters<typeof URLSearchParams>[0]) =>
  parseRequest({ method: 'GET', search: `?${new URLSearchParams(parameters)}`, body: { query: 'ignored' } });

/** What a rejected request gets. */
function rejectionOf(parse: () => unknown) {
  try {
    return parse();
  } catch (error) {
    return error instanceof AppError ? [error.code, error.message] : error;
  }
}

const absent: [string, unknown][] = [
  ['null', null],
  ['an empty string', ''],
];

describe('parseRequest', () => {
  it('returns the parameters of a POST without those that the gateway does not read', () => {
    const parameters = { query, operationName: 'A', variables: { a: [1] } };
    const body = { ...parameters, extensions: { ...extensions, tracing: {} }, id: 7 };
    expect(byPost(body)).toEqual({ ...parameters, extensions });
  });

  it('returns the same parameters for a GET as for a POST', () => {
    const variables = { a: [1] };
    const texts = { variables: JSON.stringify(variables), extensions: JSON.stringify(extensions) };
    const parameters = { operationName: 'A', variables, extensions };
    expect(byGet({ operationName: 'A', ...texts, id: '7' })).toEqual(parameters);
    expect(byPost(parameters)).toEqual(parameters);
  });

  it.each(absent)('treats %s as absent for each parameter of a POST', (_, value) => {
    const rest = { operationName: value, variables: value };
    expect(byPost({ query, ...rest, extensions: value, documentId: value })).toEqual({ query });
    expect(byPost({ query, ...rest, extensions: { persistedQuery: value } })).toEqual({ query });
    expect(byPost({ query: value, ...rest, extensions })).toEqual({ extensions });
    expect(byPost({ query: value, ...rest, extensions: value, documentId: 'a' })).toEqual({ extensions });
  });

  it.each([
    ['null', 'null', ''],
    ['an empty text', '', ''],
    ['an empty JSON string', '""', ''],
  ])('treats %s as absent for each parameter of a GET', (_, json, text) => {
    const rest = { operationName: text, variables: json };
    expect(byGet({ query, ...rest, extensions: json, documentId: text })).toEqual({ query });
    expect(byGet({ query, ...rest, extensions: `{"persistedQuery":${json || null}}` })).toEqual({ query });
    expect(byGet({ query: text, ...rest, extensions: JSON.stringify(extensions) })).toEqual({ extensions });
  });

  it.each(['documentId', 'sha256Hash'])('reads the id of a document from %s', (name) => {
    const hash = 'ab'.repeat(32);
    const ids = [hash, 'custom', '__proto__', 'x'.repeat(1_000_000), hash.toUpperCase(), `${hash}\n`];
    const others = [`sha256:${hash}0`, `sha256:${hash.toUpperCase()}`, `sha256:sha256:${hash}`, 'sha256:'];
    const toBody = (id: string) =>
      name === 'documentId'
        ? { documentId: id }
        : { extensions: { persistedQuery: { version: 1, sha256Hash: id } } };
    const idOf = (id: string) => byPost(toBody(id)).extensions?.persistedQuery.sha256Hash;
    expect([...ids, ...others].map(idOf)).toEqual([...ids, ...others]);
    expect(idOf(`sha256:${hash}`)).toBe(hash);
  });

  it('reads the documentId of a GET as that of a POST, and rather than the extension', () => {
    const read = { extensions: { persistedQuery: { version: 1, sha256Hash: 'b' } } };
    expect(byGet({ documentId: 'b' })).toEqual(read);
    expect(byPost({ documentId: 'b', extensions })).toEqual(read);
    expect(byGet({ documentId: 'b', extensions: JSON.stringify(extensions) })).toEqual(read);
  });

  it.each<[string, unknown]>([
    ['no member', {}],
    ['an empty id', { documentId: '' }],
    ['null as its text', { query: null }],
    ['an empty text', { query: '', operationName: 'A', variables: {} }],
    ['empty extensions', { extensions: {} }],
    ['a member __proto__ with a text', JSON.parse('{"__proto__":{"query":"{ __typename }"}}')],
  ])('says what to send when a request has %s', (_, body) => {
    const message = 'Expected `query`, `documentId` or `extensions.persistedQuery`.';
    expect(rejectionOf(() => byPost(body))).toEqual(['BAD_REQUEST', message]);
    expect(rejectionOf(() => byGet({}))).toEqual(['BAD_REQUEST', message]);
  });

  const noObject = 'Expected one JSON object as the body; batches are not supported.';
  const noVersion = 'Expected 1 as `extensions.persistedQuery.version`.';
  const noId = 'Expected `extensions.persistedQuery.sha256Hash` as a string.';
  it.each<[string, unknown, string]>([
    ['no body', undefined, noObject],
    ['null as its body', null, noObject],
    ['a number as its body', 7, noObject],
    ['a string as its body', query, noObject],
    ['a list as its body', [{ query }], noObject],
    ['a parsed document as its text', { query: { kind: 'Document' } }, 'Expected `query` as a string.'],
    ['a list of texts', { query: [query] }, 'Expected `query` as a string.'],
    ['false as its text', { query: false }, 'Expected `query` as a string.'],
    ['a number as its operation name', { query, operationName: 1 }, 'Expected `operationName` as a string.'],
    ['variables as a string', { query, variables: '{}' }, 'Expected `variables` as a JSON object.'],
    ['a list of variables', { query, variables: [] }, 'Expected `variables` as a JSON object.'],
    ['extensions as a string', { query, extensions: '{}' }, 'Expected `extensions` as a JSON object.'],
    ['a list of extensions', { query, extensions: [] }, 'Expected `extensions` as a JSON object.'],
    [
      'an id in place of persistedQuery',
      { extensions: { persistedQuery: 'a' } },
      'Expected `extensions.persistedQuery` as a JSON object.',
    ],
    ['an empty persistedQuery', { query, extensions: { persistedQuery: {} } }, noVersion],
    ['another version', { extensions: { persistedQuery: { ...persistedQuery, version: 2 } } }, noVersion],
    [
      'a version as a string',
      { extensions: { persistedQuery: { ...persistedQuery, version: '1' } } },
      noVersion,
    ],
    ['a number as its documentId', { documentId: 7 }, 'Expected `documentId` as a string.'],
    ['a text and an id', { query, documentId: 'a' }, 'Expected either `query` or `documentId`, not both.'],
    ['no hash', { extensions: { persistedQuery: { version: 1 } } }, noId],
    ['an object as its hash', { extensions: { persistedQuery: { version: 1, sha256Hash: {} } } }, noId],
  ])('rejects a POST with %s as BAD_REQUEST', (_, body, message) => {
    expect(rejectionOf(() => byPost(body))).toEqual(['BAD_REQUEST', message]);
  });

  it.each<[string, ConstructorParameters<typeof URLSearchParams>[0], string]>([
    ['variables that are no JSON', { query, variables: '{' }, 'Expected `variables` as JSON.'],
    ['extensions that are no JSON', { query, extensions: 'a' }, 'Expected `extensions` as JSON.'],
    ['a list of variables', { query, variables: '[]' }, 'Expected `variables` as a JSON object.'],
    ['a number as its extensions', { query, extensions: '7' }, 'Expected `extensions` as a JSON object.'],
    ['two ids', 'documentId=a&documentId=a', 'Expected the parameter `documentId` once.'],
    ['a text and an id', { query, documentId: 'a' }, 'Expected either `query` or `documentId`, not both.'],
    ['two texts', `query=${query}&query=${query}`, 'Expected the parameter `query` once.'],
    [
      'two operation names',
      'query=a&operationName=&operationName=A',
      'Expected the parameter `operationName` once.',
    ],
    [
      'two maps of variables',
      'query=a&variables={}&variables={}',
      'Expected the parameter `variables` once.',
    ],
    [
      'two maps of extensions',
      'query=a&extensions=&extensions=',
      'Expected the parameter `extensions` once.',
    ],
  ])('rejects a GET with %s as BAD_REQUEST', (_, parameters, message) => {
    expect(rejectionOf(() => byGet(parameters))).toEqual(['BAD_REQUEST', message]);
  });
});
