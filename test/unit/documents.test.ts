import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { createDocuments } from '../../src/graphql/documents.ts';
import type { OperationParameters } from '../../src/graphql/request.ts';

const text = 'query A { __typename } query B { __typename }';

async function createKnown() {
  const documents = createDocuments();
  await documents.store.set('hash', parse(text));
  return documents;
}

describe('a known document', () => {
  it('is found by its text, with the operation that the request names', async () => {
    const { findOperation } = await createKnown();
    const operation = findOperation({ query: text, operationName: 'B', variables: { a: 1 } });
    expect(operation?.definition.name?.value).toBe('B');
    expect(operation?.variables).toEqual({ a: 1 });
  });

  it.each<[string, OperationParameters]>([
    ['another text', { query: `${text} ` }],
    ['an operation that the document does not have', { query: text, operationName: 'C' }],
    ['no operation name where the document has two operations', { query: text }],
    [
      'a persisted query',
      {
        query: text,
        operationName: 'B',
        extensions: { persistedQuery: { version: 1, sha256Hash: 'hash' } },
      },
    ],
    ['no text', {}],
  ])('is not found for a request with %s, which Apollo Server answers', async (_, parameters) => {
    expect((await createKnown()).findOperation(parameters)).toBeUndefined();
  });

  it('is not found once it was deleted or evicted', async () => {
    const request = { query: text, operationName: 'B' };
    const deleted = await createKnown();
    await deleted.store.delete('hash');
    expect(deleted.findOperation(request)).toBeUndefined();
    const evicted = await createKnown();
    for (let n = 0; n < 30; n += 1)
      await evicted.store.set(`hash ${n}`, parse(`{ __typename } # ${n}${'x'.repeat(15_000)}`));
    expect(evicted.findOperation(request)).toBeUndefined();
  });

  it('stays known while it is requested between other documents', async () => {
    const { store, findOperation } = await createKnown();
    for (let n = 0; n < 100; n += 1) {
      await store.set(`hash ${n}`, parse(`{ __typename } # ${n}${'x'.repeat(4000)}`));
      expect(findOperation({ query: text, operationName: 'B' })).toBeDefined();
    }
  });

  it('is not found by a text so long that V8 would hash it by its length alone', async () => {
    const { store, findOperation } = createDocuments();
    const long = `{ __typename } #${'x'.repeat(20_000)}`;
    await store.set('long', parse(long));
    expect(await store.get('long')).toBeDefined();
    expect(findOperation({ query: long })).toBeUndefined();
  });
});
