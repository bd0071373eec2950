import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { describe, expect, it } from '@jest/globals';
import { buildASTSchema, type DocumentNode, type GraphQLSchema, parse, print, visit } from 'graphql';
import { useGateway } from '../support/gateway.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const own = parse(read('schema/entitlements.graphql'));
const subgraph = (name: string, typeDefs: DocumentNode) => ({ name, url: `http://${name}`, typeDefs });

/** The types alone, without what federation puts beside them. */
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

describe('the subgraph in a larger graph', () => {
  const gateway = useGateway();

  it('composes with others that own customers and entitlements, without errors or hints', () => {
    const { errors, hints, supergraphSdl } = composeServices([
      subgraph('entitlements', own),
      subgraph('accounts', parse(read('test/federation/subgraphs/accounts.graphql'))),
      subgraph('catalogue', parse(read('test/federation/subgraphs/catalogue.graphql'))),
    ]);
    expect(errors).toBeUndefined();
    expect(hints?.map(String)).toEqual([]);
    expect(supergraphSdl).toContain('type CustomerEntitlementTotal');
  });

  it('serves the definitions that stand in schema/, beside those of federation', async () => {
    const { body } = await gateway.gql('{ _service { sdl } }');
    const served = new Set(parse(body.data?._service.sdl).definitions.map(print));
    const missing = own.definitions.map(print).filter((definition) => !served.has(definition));
    expect(missing).toEqual([]);
    const ownNames = new Set(own.definitions.map(print));
    const added = parse(body.data?._service.sdl)
      .definitions.filter((node) => !ownNames.has(print(node)))
      .map((node) => ('name' in node ? `${node.kind} ${node.name?.value}` : node.kind))
      .filter(
        (name) => !/^(Directive|Scalar|Enum|InputObject)\w* (link|federation)?(__\w+|@?\w+)$/.test(name),
      );
    expect(new Set(added)).toEqual(
      new Set(['ObjectTypeDefinition _Service', 'ObjectTypeExtension Query', 'UnionTypeDefinition _Entity']),
    );
  });

  it('hides nothing by directives, and says of a total that it costs more than other objects', () => {
    const used = new Set<string>();
    visit(own, { Directive: ({ name }) => void used.add(name.value) });
    expect(used).toEqual(new Set(['cost', 'key', 'link']));
    expect(print(own)).toContain('type CustomerEntitlementTotal @cost(weight: 10) {');
  });

  it('breaks nothing that was released', async () => {
    expect(await breakingChanges(parse(read('test/contract/released.graphql')), own)).toEqual([]);
  });

  it('would name what it broke', async () => {
    const broken = parse(
      print(own).replace('quantity: Float', 'quantity: String').replace('asOf: DateTime!', 'at: DateTime!'),
    );
    expect(await breakingChanges(own, broken)).toEqual([
      "Field 'asOf' was removed from object type 'CustomerEntitlementTotal'",
      "Field 'CustomerEntitlementTotal.quantity' changed type from 'Float' to 'String'",
    ]);
  });
});
