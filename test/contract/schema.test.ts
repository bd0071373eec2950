import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';

const reference = readFileSync(new URL('../../docs/schema.md', import.meta.url), 'utf8');
const schema = readFileSync(new URL('../../schema/entitlements.graphql', import.meta.url), 'utf8');
const examples = [...reference.matchAll(/^### (\w+)\.(\w+): `.+`\n[^#]*?```graphql\n([^`]+)```/gm)].map(
  ([, type = '', field = '', query = '']) => ({ type, field, query }),
);

/** The first leaf of a result. */
function firstLeaf(value: unknown): unknown {
  if (Array.isArray(value)) return firstLeaf(value[0]);
  if (typeof value !== 'object' || value === null) return value;
  return firstLeaf(Object.values(value)[0]);
}

describe('docs/schema.md', () => {
  const gateway = useGateway();

  it('has every field of every object type with an example', () => {
    const objects = [...schema.matchAll(/^type (\w+)[^{]*\{\n([\s\S]+?)^\}/gm)];
    const fields = objects.flatMap(([, type, body = '']) =>
      [...body.matchAll(/^ {2}(\w+)(?=[:(])/gm)].map(([, field]) => `${type}.${field}`),
    );
    expect(fields.length).toBeGreaterThan(12);
    expect(examples.map(({ type, field }) => `${type}.${field}`)).toEqual(fields);
  });

  it('has every field of every input type in an example', () => {
    const inputs = [...schema.matchAll(/^input (\w+)[^{]*\{\n([\s\S]+?)^\}/gm)];
    const fields = inputs.flatMap(([, , body = '']) =>
      [...body.matchAll(/^ {2}(\w+):/gm)].map(([, field]) => field),
    );
    const inUse = examples.filter(({ query }) => query.includes('requests: [{')).map(({ query }) => query);
    expect(fields.length).toBe(4);
    expect(fields.filter((field) => !inUse.join().includes(`${field}: `))).toEqual([]);
  });

  it.each(examples)(
    'has an example of the field $field of $type that returns a value without errors',
    async ({ query }) => {
      const { body } = await gateway.gql(query);
      expect(body.errors).toBeUndefined();
      expect(['number', 'string', 'boolean']).toContain(typeof firstLeaf(body.data));
    },
  );
});
