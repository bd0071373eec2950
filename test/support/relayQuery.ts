import type { ConcreteRequest } from 'relay-runtime';

type Field = {
  name: string;
  alias?: string;
  isList?: boolean;
  /** The variable of each argument. */
  variables: Readonly<Record<string, string>>;
};

/**
 * The artifact that Relay's compiler makes of a query for quantities, with `@catch(to: RESULT)` at each field. A query with an id is
 * persisted.
 */
export function toRelayQuery(
  fields: readonly Field[],
  query: { id: string } | { text: string },
): ConcreteRequest {
  const name = 'Totals';
  const selections = fields.map(toSelection);
  const variables = new Set(fields.flatMap((field) => Object.values(field.variables)));
  const argumentDefinitions = [...variables].map((variable) => ({ kind: 'LocalArgument', name: variable }));
  const artifact = {
    kind: 'Request',
    fragment: {
      kind: 'Fragment',
      name,
      type: 'Query',
      argumentDefinitions,
      selections: selections.map((field) => ({ kind: 'CatchField', field, to: 'RESULT' })),
    },
    operation: { kind: 'Operation', name, argumentDefinitions, selections },
    params: {
      name,
      operationKind: 'query',
      metadata: {},
      ...('id' in query ? { id: query.id, text: null } : { id: null, cacheID: name, text: query.text }),
    },
  };
  // The types of the package do not have @catch.
  return artifact as unknown as ConcreteRequest;
}

function toSelection({ name, alias, isList = false, variables }: Field) {
  return {
    kind: 'LinkedField',
    alias,
    name,
    args: Object.entries(variables).map(([argument, variableName]) => ({
      kind: 'Variable',
      name: argument,
      variableName,
    })),
    concreteType: 'CustomerEntitlementTotal',
    plural: isList,
    selections: ['__typename', 'quantity'].map((scalar) => ({ kind: 'ScalarField', name: scalar })),
  };
}
