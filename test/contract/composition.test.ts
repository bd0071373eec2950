import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { describe, expect, it } from '@jest/globals';
import { buildASTSchema, type DocumentNode, type GraphQLSchema, parse, print, visit } from 'graphql';
import { useGateway } from '../support/gateway.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const schema = parse(read('schema/entitlements.graphql'));
const subgraph = (name: string, typeDefs: DocumentNode) => ({ name, url: `http://${name}`, typeDefs });

/** The types without the directives and definitions of federation. */
function toPlainSchema(document: DocumentNode): GraphQLSchema {
  return buildASTSchema(
    visit(document, {
      SchemaExtension: () => null,
      Directive: ({ name }) => (name.value === 'deprecated' ? undefined : null),
    }),
  );
}

async function breakingChanges(before: DocumentNode, after: DocumentNode): Promise<string[]> {
  const changes = await diff(toPlainSchema(before), toPlainSchema(after));
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
}

describe('the subgraph schema', () => {
  const gateway = useGateway();

  it('composes without errors or hints with the subgraphs that own customers and entitlements', () => {
    const { errors, hints, supergraphSdl } = composeServices([
      subgraph('entitlements', schema),
      subgraph('accounts', parse(read('test/federation/subgraphs/accounts.graphql'))),
      subgraph('catalogue', parse(read('test/federation/subgraphs/catalogue.graphql'))),
    ]);
    expect(errors).toBeUndefined();
    expect(hints?.map(String)).toEqual([]);
    expect(supergraphSdl).toContain('type CustomerEntitlementTotal');
  });

  it('is returned by _service with all definitions of schema/, and no others except those of federation', async () => {
    const { body } = await gateway.gql('{ _service { sdl } }');
    const served = new Set(parse(body.data?._service.sdl).definitions.map(print));
    const missing = schema.definitions.map(print).filter((definition) => !served.has(definition));
    expect(missing).toEqual([]);
    const schemaDefinitions = new Set(schema.definitions.map(print));
    const added = parse(body.data?._service.sdl)
      .definitions.filter((node) => !schemaDefinitions.has(print(node)))
      .map((node) => ('name' in node ? `${node.kind} ${node.name?.value}` : node.kind))
      .filter(
        (name) => !/^(Directive|Scalar|Enum|InputObject)\w* (link|federation)?(__\w+|@?\w+)$/.test(name),
      );
    expect(new Set(added)).toEqual(
      new Set(['ObjectTypeDefinition _Service', 'ObjectTypeExtension Query', 'UnionTypeDefinition _Entity']),
    );
  });

  it('uses only the directives cost, key and link, and gives a total the cost 10', () => {
    const used = new Set<string>();
    visit(schema, { Directive: ({ name }) => void used.add(name.value) });
    expect(used).toEqual(new Set(['cost', 'key', 'link']));
    expect(print(schema)).toContain('type CustomerEntitlementTotal @cost(weight: 10) {');
  });

  it('has no breaking changes since the last release', async () => {
    expect(await breakingChanges(parse(read('test/contract/released.graphql')), schema)).toEqual([]);
  });

  it('with a removed field and a changed type is reported as breaking', async () => {
    const broken = parse(
      print(schema)
        .replace('quantity: Float', 'quantity: String')
        .replace('asOf: DateTime!', 'at: DateTime!'),
    );
    expect(await breakingChanges(schema, broken)).toEqual([
      "Field 'asOf' was removed from object type 'CustomerEntitlementTotal'",
      "Field 'CustomerEntitlementTotal.quantity' changed type from 'Float' to 'String'",
    ]);
  });
});
