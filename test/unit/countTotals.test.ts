import { describe, expect, it } from '@jest/globals';
import { type FragmentDefinitionNode, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { countTotals } from '../../src/graphql/countTotals.ts';

function count(source: string, variables: Record<string, unknown> = {}): number {
  const { definitions } = parse(source);
  const operation = definitions.find(
    (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
  );
  if (operation === undefined) throw new Error('The document has no operation.');
  const fragments = new Map(
    definitions
      .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  return countTotals({ operation, fragments, variables });
}

const one = 'customerEntitlementTotal(entitlementId: "e", customerId: "c") { quantity }';
const list = (requests: string) => `customerEntitlementTotals(requests: ${requests}) { quantity }`;

describe('the number of totals an operation asks for', () => {
  it.each([
    ['{ __typename }', 0],
    [`{ ${one} }`, 1],
    [`{ a: ${one} b: ${one} c: ${one} }`, 3],
    [`{ ${one} ${one} }`, 1],
    [`{ ${list('[]')} }`, 0],
    [`{ ${list('[{}, {}, {}]')} b: ${one} }`, 4],
    [`{ ${list('{}')} }`, 1],
    [
      `{ ... { a: ${one} } ... on Query { b: ${one} } ...F ...F } fragment F on Query { c: ${one} ...G } fragment G on Query { d: ${one} }`,
      4,
    ],
    [
      `{ a: ${one} @skip(if: true) b: ${one} @include(if: false) c: ${one} @skip(if: false) }`.replaceAll(
        '{ quantity } @',
        '@',
      ),
      1,
    ],
  ])('in %s is %i', (source, expected) => {
    expect(count(source)).toBe(expected);
  });

  it('follows the variables and their defaults', () => {
    const source = `query ($r: [R!]! = [{}, {}], $yes: Boolean = true) { ${list('$r')} a: customerEntitlementTotal @skip(if: $yes) }`;
    expect(count(source)).toBe(2);
    expect(count(source, { r: [{}, {}, {}] })).toBe(3);
    expect(count(source, { r: {} })).toBe(1);
    expect(count(source, { yes: false })).toBe(3);
  });
});
