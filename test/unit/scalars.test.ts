import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Kind } from 'graphql';
import { canonicalUuid } from '../../src/graphql/resolvers.ts';

const spelling = (id: string, braces: boolean, upper: boolean[]) => {
  const cased = [...id]
    .map((letter, n) => (upper[n % upper.length] ? letter.toUpperCase() : letter))
    .join('');
  if (upper[1]) return `urn:uuid:${cased.replaceAll('-', '')}`;
  return braces ? `{${cased}}` : cased;
};

const id = '11111111-aaaa-4bbb-8ccc-222222222222';

describe('the UUID scalar', () => {
  it('returns the same canonical id for every spelling of an id', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), fc.array(fc.boolean(), { minLength: 1 }), (id, braces, upper) => {
        const value = spelling(id, braces, upper);
        expect(canonicalUuid.parseValue(value)).toBe(id);
        expect(canonicalUuid.parseLiteral({ kind: Kind.STRING, value })).toBe(id);
      }),
    );
  });

  it.each([`{{${id} `, `{{${id}}`, `{${id.toUpperCase()}x`])(
    'rejects %j, which graphql-scalars accepts',
    (value) => {
      const expected = 'Value is not a valid UUID.';
      expect(() => canonicalUuid.parseValue(value)).toThrow(expected);
      expect(() => canonicalUuid.parseLiteral({ kind: Kind.STRING, value })).toThrow(expected);
    },
  );

  it('accepts only values whose canonical form is a UUID, which is safe in a URL', () => {
    const allowed = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    const nearMiss = fc
      .tuple(fc.string(), fc.constantFrom(id, `${id}}`, `{${id}`), fc.string())
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), nearMiss), (value) => {
        let parsed: string | undefined;
        try {
          parsed = canonicalUuid.parseValue(value);
        } catch {
          return;
        }
        expect(parsed).toMatch(allowed);
      }),
      { numRuns: 2000 },
    );
  });
});
