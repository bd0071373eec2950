import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import type { Context } from '../../src/graphql/context.ts';
import { createDocumentStore } from '../../src/graphql/documents.ts';
import { createShortcut } from '../../src/graphql/shortcut.ts';

const text = 'query A { __typename } query B { __typename }';
const asked = (body: unknown, accept?: string) => ({ method: 'POST', headers: { accept }, body });
const known = asked({ query: text, operationName: 'B' });
const answered = {
  status: 200,
  headers: [['content-type', 'application/json']] as [string, string][],
  body: '',
};
const context = {} as Context;

async function build({
  isReady = true,
  admit = async () => {},
  data = {} as Record<string, unknown> | null,
} = {}) {
  const documents = createDocumentStore();
  await documents.set('a key', parse(text));
  const names: unknown[] = [];
  const shortcut = createShortcut(documents, {
    admit,
    compiled: {
      isReady: () => isReady,
      run: async ({ definition }) => {
        names.push(definition.name?.value);
        return data === null ? undefined : { data };
      },
    },
    end: ({ operation }) => void names.push(`end of ${operation?.definition.name?.value}`),
  });
  shortcut.learn(known, answered);
  return { shortcut, documents, names };
}

describe('the short way', () => {
  it('answers an operation that is known, and tells of it', async () => {
    const { shortcut, names } = await build();
    const answer = { status: 200, headers: [['content-type', 'application/json']], body: '{"data":{}}\n' };
    expect(await shortcut.answer(known, context)).toEqual(answer);
    expect(names).toEqual(['B', 'end of B']);
  });

  it.each<[string, Parameters<typeof build>[0], ReturnType<typeof asked>]>([
    ['another method', {}, { ...known, method: 'GET' }],
    ['an accept that Apollo Server was not asked with', {}, asked(known.body, 'text/plain')],
    ['another text', {}, asked({ query: `${text} ` })],
    ['an operation that the document does not have', {}, asked({ query: text, operationName: 'C' })],
    ['no name where there are two', {}, asked({ query: text })],
    ['a name that is no text', {}, asked({ query: text, operationName: 1 })],
    ['variables that are a text', {}, asked({ query: text, operationName: 'B', variables: '{}' })],
    ['variables that are a list', {}, asked({ query: text, operationName: 'B', variables: [] })],
    ['extensions that are a text', {}, asked({ query: text, operationName: 'B', extensions: '{}' })],
    ['a persisted query', {}, asked({ query: text, operationName: 'B', extensions: { persistedQuery: {} } })],
    ['extensions that are a list', {}, asked({ query: text, operationName: 'B', extensions: [] })],
    ['a list of requests', {}, asked([known.body])],
    ['no body', {}, asked(undefined)],
    ['what is not compiled', { isReady: false }, known],
    ['what is not admitted', { admit: () => Promise.reject(new Error('too much')) }, known],
    ['variables that compiled code refuses', { data: null }, known],
  ])('leaves %s to Apollo Server', async (_, settings, request) => {
    const { shortcut, names } = await build(settings);
    expect(await shortcut.answer(request, context)).toBeUndefined();
    expect(names).not.toContain('end of B');
  });

  it('learns a content type from results alone', async () => {
    const { shortcut } = await build();
    shortcut.learn(asked({}, 'text/plain'), { ...answered, status: 406 });
    shortcut.learn(asked({}, 'x'.repeat(2000)), answered);
    shortcut.learn(asked({}, 'application/graphql-response+json'), {
      ...answered,
      headers: [['content-type', 'application/graphql-response+json']],
    });
    expect(await shortcut.answer(asked(known.body, 'text/plain'), context)).toBeUndefined();
    expect(await shortcut.answer(asked(known.body, 'x'.repeat(2000)), context)).toBeUndefined();
    expect(
      await shortcut.answer(asked(known.body, 'application/graphql-response+json'), context),
    ).toMatchObject({
      headers: [['content-type', 'application/graphql-response+json']],
    });
  });

  it('ends with the document, and does not look for long ones', async () => {
    const { shortcut, documents } = await build();
    await documents.delete('a key');
    expect(await shortcut.answer(known, context)).toBeUndefined();
    const long = `{ __typename } #${'x'.repeat(20_000)}`;
    await documents.set('long', parse(long));
    expect(await documents.get('long')).toBeDefined();
    expect(documents.find(long)).toBeUndefined();
  });
});
