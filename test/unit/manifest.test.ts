import { describe, expect, it } from '@jest/globals';
import { parseManifest } from '../../src/config/manifest.ts';

const body = 'query A { __typename }';
const operation = { id: 'a', name: 'A', type: 'query', body };
const apollo = { format: 'apollo-persisted-query-manifest', version: 1, operations: [operation] };
const parse = (value: unknown) => parseManifest(JSON.stringify(value));

describe('parseManifest', () => {
  it("reads the documents of Apollo's format", () => {
    expect(parse({ ...apollo, more: 1 })).toEqual({ ok: true, documents: [operation] });
    expect(parse({ ...apollo, operations: [] })).toEqual({ ok: true, documents: [] });
  });

  it("reads an object of texts by id, also with ids that are names of prototypes or of Apollo's members", () => {
    const ids = ['sha256:ab', '0f6b', '__proto__', 'constructor', 'format', 'version', 'operations', '1'];
    const text = `{${ids.map((id) => `"${id}":${JSON.stringify(body)}`)}}`;
    const parsed = parseManifest(text);
    const documents = ids.map((id) => ({ id, name: id, body }));
    expect(parsed).toEqual({ ok: true, documents: expect.arrayContaining(documents) });
    expect(parsed.ok && parsed.documents).toHaveLength(ids.length);
  });

  it.each<[string, string, string]>([
    ['no text', '', 'it is not a JSON object'],
    ['half of a manifest', '{"format":', 'it is not a JSON object'],
    ['null', 'null', 'it is not a JSON object'],
    ['a list of operations', JSON.stringify([operation]), 'it is not a JSON object'],
    ['an empty object', '{}', 'it is empty'],
    ['another version', JSON.stringify({ ...apollo, version: 2 }), 'version: Invalid input: expected 1'],
    [
      'another format with a list of operations',
      JSON.stringify({ ...apollo, format: 'relay' }),
      'format: Invalid input: expected "apollo-persisted-query-manifest"',
    ],
    [
      "Apollo's format without operations",
      JSON.stringify({ format: apollo.format, version: 1 }),
      'operations: Invalid input: expected array, received undefined',
    ],
    [
      'operations by id',
      JSON.stringify({ ...apollo, operations: { a: operation } }),
      'operations: Invalid input: expected array, received object',
    ],
    [
      'an operation without a text',
      JSON.stringify({ ...apollo, operations: [operation, { ...operation, body: undefined }] }),
      'operations.1.body: Invalid input: expected string, received undefined',
    ],
    ['an object as a text', JSON.stringify({ a: body, b: operation }), 'the value of b is not a text'],
    ['a text without an id', JSON.stringify({ a: body, '': body }), 'it has a text without an id'],
    [
      'a long id without a text',
      JSON.stringify({ ['x'.repeat(100_000)]: null }),
      `the value of ${'x'.repeat(128)}… is not a text`,
    ],
  ])('says what is wrong with %s', (_, text, problem) => {
    expect(parseManifest(text)).toEqual({ ok: false, problem });
  });
});
