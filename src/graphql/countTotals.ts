import {
  type ArgumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValueNode,
} from 'graphql';

type CountedOperation = {
  operation: OperationDefinitionNode;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Readonly<Record<string, unknown>>;
};

/** The fields that yield totals: one, or as many as the list in this argument has items. */
const totalFields = new Map<string, string | null>([
  ['customerEntitlementTotal', null],
  ['customerEntitlementTotals', 'requests'],
]);

/**
 * How many totals a valid operation asks for before equal ones collapse. Aliases and list items each count;
 * skipped fields, and fields selected again under the same name, do not.
 */
export function countTotals(counted: CountedOperation): number {
  return collectFields(counted).reduce((sum, field) => sum + countField(field, counted), 0);
}

function countField(field: FieldNode, counted: CountedOperation): number {
  const listArgument = totalFields.get(field.name.value);
  if (listArgument === undefined) return 0;
  const list = listArgument === null ? null : readArgument(field, listArgument, counted);
  return Array.isArray(list) ? list.length : 1;
}

function collectFields(counted: CountedOperation): FieldNode[] {
  const fields = new Map<string, FieldNode>();
  const visited = new Set<string>();
  counted.operation.selectionSet.selections.forEach(visit);
  return [...fields.values()];

  function visit(selection: SelectionNode): void {
    if (isSkipped(selection, counted)) return;
    if (selection.kind === Kind.FIELD) {
      fields.set(selection.alias?.value ?? selection.name.value, selection);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      selection.selectionSet.selections.forEach(visit);
    } else if (!visited.has(selection.name.value)) {
      visited.add(selection.name.value);
      counted.fragments.get(selection.name.value)?.selectionSet.selections.forEach(visit);
    }
  }
}

function isSkipped({ directives = [] }: SelectionNode, counted: CountedOperation): boolean {
  return directives.some(
    (directive) =>
      (directive.name.value === 'skip' && readArgument(directive, 'if', counted) === true) ||
      (directive.name.value === 'include' && readArgument(directive, 'if', counted) === false),
  );
}

type WithArguments = { readonly arguments?: readonly ArgumentNode[] | undefined };

function readArgument(node: WithArguments, name: string, counted: CountedOperation): unknown {
  return readValue(node.arguments?.find((argument) => argument.name.value === name)?.value, counted);
}

/** As much of a value as counting needs: a list's length and a Boolean. */
function readValue(node: ValueNode | undefined, counted: CountedOperation): unknown {
  switch (node?.kind) {
    case Kind.LIST:
      return node.values;
    case Kind.BOOLEAN:
      return node.value;
    case Kind.VARIABLE:
      return readVariable(node.name.value, counted);
    default:
      return undefined;
  }
}

function readVariable(name: string, counted: CountedOperation): unknown {
  const { operation, variables } = counted;
  if (Object.hasOwn(variables, name)) return variables[name];
  const definition = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name);
  return readValue(definition?.defaultValue, counted);
}
