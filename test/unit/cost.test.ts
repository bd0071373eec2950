import { describe, expect, it } from '@jest/globals';
import { type FragmentDefinitionNode, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { measureCost } from '../../src/graphql/cost.ts';

function count(source: string, variables: Record<string, unknown> = {}, limit = 1000): number {
  const { definitions } = parse(source);
  const definition = definitions.find(
    (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
  );
  if (definition === undefined) throw new Error('The document has no operation.');
  const fragments = new Map(
    definitions
      .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const limits = { totals: limit, fields: Number.POSITIVE_INFINITY };
  return measureCost({ definition, fragments, variables }, limits).totals;
}

const singular = 'customerEntitlementTotal(entitlementId: "e", customerId: "c") { quantity }';
const plural = (requests: string) => `customerEntitlementTotals(requests: ${requests}) { quantity }`;

describe('measureCost', () => {
  it.each([
    ['{ __typename }', 0],
    [`{ ${singular} }`, 1],
    [`{ a: ${singular} b: ${singular} c: ${singular} }`, 3],
    [`{ ${singular} ${singular} }`, 1],
    [`{ ${plural('[]')} }`, 0],
    [`{ ${plural('[{}, {}, {}]')} b: ${singular} }`, 4],
    [`{ ${plural('{}')} }`, 1],
    [
      `{ ... { a: ${singular} } ... on Query { b: ${singular} } ...F ...F } fragment F on Query { c: ${singular} ...G } fragment G on Query { d: ${singular} }`,
      4,
    ],
    [
      `{ a: ${singular} @skip(if: true) b: ${singular} @include(if: false) c: ${singular} @skip(if: false) }`.replaceAll(
        '{ quantity } @',
        '@',
      ),
      1,
    ],
  ])('counts the totals of %s as %i', (source, expected) => {
    expect(count(source)).toBe(expected);
  });

  it('uses the values of variables and their defaults', () => {
    const source = `query ($r: [R!]! = [{}, {}], $yes: Boolean = true) { ${plural('$r')} a: customerEntitlementTotal @skip(if: $yes) }`;
    expect(count(source)).toBe(2);
    expect(count(source, { r: [{}, {}, {}] })).toBe(3);
    expect(count(source, { r: {} })).toBe(1);
    expect(count(source, { yes: false })).toBe(3);
  });

  const customers = [1, 2, 3].map((id) => ({ __typename: 'Customer', id }));
  const entitlements = [{ __typename: 'Entitlement', id: 1 }];

  it('multiplies the totals of an entity type by its number of entities', () => {
    const source = `query ($r: [_Any!]!) { _entities(representations: $r) {
      ... on Customer { a: entitlementTotal b: entitlementTotals(entitlementIds: ["1", "2"]) { quantity } }
      ... on Entitlement { customerTotal }
      ... F
    } }
    fragment F on _Entity { ... on Customer { a: entitlementTotal c: entitlementTotal } }`;
    expect(count(source, { r: customers })).toBe(3 * 4);
    expect(count(source, { r: entitlements })).toBe(1);
    expect(count(source, { r: [...customers, ...entitlements, null, 'x', { __typename: 'Nobody' }] })).toBe(
      13,
    );
    expect(count(source, { r: [] })).toBe(0);
    const literal = source
      .replace('$r)', '[{ __typename: "Customer", id: 1 }])')
      .replace('($r: [_Any!]!)', '');
    expect(count(literal)).toBe(4);
  });

  it('multiplies totals that are nested in totals', () => {
    const source = `{ customerEntitlementTotals(requests: [{}, {}]) {
      customer { entitlementTotals(entitlementIds: ["1", "2", "3"]) { entitlement { customerTotal } } }
    } }`;
    expect(count(source)).toBe(2 + 6 + 6);
    expect(count(source, {}, 10)).toBe(11);
  });

  it('stops counting beyond the limit of totals, for fragments that grow exponentially', () => {
    const fragments = Array.from(
      { length: 60 },
      (_, n) =>
        `fragment F${n} on Customer { a: entitlementTotal { customer { ...F${n + 1} } } b: entitlementTotal { customer { ...F${n + 1} } } }`,
    );
    const source = `{ customerEntitlementTotal { customer { ...F0 } } } ${fragments.join(' ')} fragment F60 on Customer { id }`;
    expect(count(source)).toBe(1001);
  });

  it('stops counting beyond the limit of totals, for thousands of unknown entity types under 99 aliases', () => {
    const names = (letter: string, length: number) => Array.from({ length }, (_, n) => `${letter}${n}`);
    const aliases = names('a', 99).map((name) => `${name}: _entities(representations: $r) { ...X }`);
    const fields = names('b', 90).map((name) => `${name}: __typename`);
    const source = `query ($r: [_Any!]!) { ${aliases.join(' ')} } fragment X on _Entity { ${fields.join(' ')} }`;
    const r = names('T', 9500).map((__typename) => ({ __typename }));
    const startedMs = performance.now();
    expect(count(source, { r })).toBe(1001);
    // A count that visits each type takes eleven seconds; this one takes a few milliseconds.
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});
