import {
  type ArgumentNode,
  BREAK,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  valueFromASTUntyped,
  visit,
} from 'graphql';

/** The types that a router may ask for by reference. */
export const entityTypes: readonly unknown[] = ['Customer', 'Entitlement'];

type Variables = Record<string, unknown>;
type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
type CountedOperation = { operation: OperationDefinitionNode; fragments: Fragments; variables: Variables };

/** A field of an answer is this long, give or take. */
const lettersPerField = 32;

/** The fields that yield totals: one, or as many as the list in this argument has items. */
const totalFields = new Map<string, string | null>([
  ['customerEntitlementTotal', null],
  ['customerEntitlementTotals', 'requests'],
  ['entitlementTotal', null],
  ['entitlementTotals', 'entitlementIds'],
  ['customerTotal', null],
]);

/**
 * How many totals a valid operation asks for before equal ones collapse, counted no further than one over `limit`.
 * Aliases, list items and entities each count; skipped fields, and fields selected again under one name, do not.
 */
export function countTotals(counted: CountedOperation, limit: number): number {
  return weighOperation(counted, { totals: limit, weight: Number.POSITIVE_INFINITY }).totals;
}

type Weights = { totals: number; weight: number };

/**
 * The same, and the weight of the answer: how many fields it has, those of long names counting more than once. A list
 * of a thousand, with a hundred aliases of a thousand letters for each, would be an answer of a hundred megabytes.
 */
export function weighOperation(
  { operation, fragments, variables: given }: CountedOperation,
  limits: Weights,
): Weights {
  const variables = withDefaults(operation, given);
  const limit = limits.totals;
  let count = 0;
  let weight = 0;
  visitSelections(operation.selectionSet.selections, 1);
  return { totals: Math.min(count, limit + 1), weight: Math.min(weight, limits.weight + 1) };

  /** Counts what is under selections that are executed `times` over. */
  function visitSelections(selections: readonly SelectionNode[], times: number, typeName?: string): void {
    for (const [name, fields] of collectFields(selections, { fragments, variables, typeName })) {
      // Selections nest through totals alone, so what seems to nest without end soon comes to an end here.
      if (count > limit || weight > limits.weight || times === 0) return;
      weight += times * (1 + Math.floor(name.length / lettersPerField));
      visitField(fields, times);
    }
  }

  function visitField(fields: readonly FieldNode[], times: number): void {
    const [field] = fields;
    if (field === undefined) return;
    const children = fields.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
    if (field.name.value === '_entities') {
      visitEntities(field, children, times);
      return;
    }
    const totals = countField(field, variables);
    count += times * (totals ?? 0);
    visitSelections(children, times * (totals ?? 1));
  }

  /** An entity costs something also where no total of it is asked for: it counts as one at least. */
  function visitEntities(field: FieldNode, children: readonly SelectionNode[], times: number): void {
    const types = typesOfEntities(field, variables);
    const least = count + times * types.length;
    if (least <= limit) {
      for (const type of entityTypes)
        visitSelections(children, times * types.filter((one) => one === type).length, String(type));
    }
    count = Math.max(count, least);
  }
}

/** Whether the count is the same whatever the variables: nothing is skipped by them, and no list is one of them. */
export function isCountFixed({ operation, fragments }: Omit<CountedOperation, 'variables'>): boolean {
  let isFixed = true;
  const giveUp = () => {
    isFixed = false;
    return BREAK;
  };
  const visitor = {
    Directive: giveUp,
    Field: ({ name }: FieldNode) => (hasList(name.value) ? giveUp() : undefined),
  };
  for (const node of [operation, ...fragments.values()]) visit(node, visitor);
  return isFixed;
}

function hasList(fieldName: string): boolean {
  return fieldName === '_entities' || typeof totalFields.get(fieldName) === 'string';
}

/** Variables are not coerced yet: those left out still have to get their defaults. */
function withDefaults({ variableDefinitions = [] }: OperationDefinitionNode, given: Variables): Variables {
  const defaults = variableDefinitions
    .filter(({ defaultValue }) => defaultValue !== undefined)
    .map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue && valueFromASTUntyped(defaultValue),
    ]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** How many totals the field itself yields; undefined where it is no such field. */
function countField(field: FieldNode, variables: Variables): number | undefined {
  const listArgument = totalFields.get(field.name.value);
  if (listArgument === undefined) return undefined;
  const list = listArgument === null ? null : readArgument(field, listArgument, variables);
  return Array.isArray(list) ? list.length : 1;
}

/** The types of the entities that are asked for, as the caller names them. */
function typesOfEntities(field: FieldNode, variables: Variables): unknown[] {
  const representations = [readArgument(field, 'representations', variables)].flat();
  return representations.map((one) => (one as { __typename?: unknown } | null | undefined)?.__typename);
}

type Collecting = { fragments: Fragments; variables: Variables; typeName: string | undefined };

/** The fields of an object of this type, those of one name together. */
function collectFields(
  selections: readonly SelectionNode[],
  collecting: Collecting,
): Iterable<[name: string, nodes: FieldNode[]]> {
  const { fragments, variables, typeName } = collecting;
  const fields = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  selections.forEach(collect);
  return fields.entries();

  function collect(selection: SelectionNode): void {
    if (isSkipped(selection, variables)) return;
    if (selection.kind === Kind.FIELD) {
      const name = selection.alias?.value ?? selection.name.value;
      fields.set(name, [...(fields.get(name) ?? []), selection]);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      if (applies(selection.typeCondition?.name.value)) selection.selectionSet.selections.forEach(collect);
    } else if (!visited.has(selection.name.value)) {
      visited.add(selection.name.value);
      const fragment = fragments.get(selection.name.value);
      if (applies(fragment?.typeCondition.name.value)) fragment?.selectionSet.selections.forEach(collect);
    }
  }

  /** Only entities are of more than one type. */
  function applies(condition: string | undefined): boolean {
    return (
      typeName === undefined || condition === undefined || condition === typeName || condition === '_Entity'
    );
  }
}

function isSkipped({ directives = [] }: SelectionNode, variables: Variables): boolean {
  return directives.some(
    (directive) =>
      (directive.name.value === 'skip' && readArgument(directive, 'if', variables) === true) ||
      (directive.name.value === 'include' && readArgument(directive, 'if', variables) === false),
  );
}

type WithArguments = { readonly arguments?: readonly ArgumentNode[] | undefined };

function readArgument(node: WithArguments, name: string, variables: Variables): unknown {
  const argument = node.arguments?.find((one) => one.name.value === name);
  return argument && valueFromASTUntyped(argument.value, variables);
}
