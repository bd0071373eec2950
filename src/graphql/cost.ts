import {
  type ArgumentNode,
  BREAK,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import type { Limits } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Cost, Operation } from './documents.ts';

/** The types that a router can request by reference. */
export const entityTypes: readonly unknown[] = ['Customer', 'Entitlement'];

type Variables = Readonly<Record<string, unknown>>;
type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
type MeasuredOperation = { definition: OperationDefinitionNode; fragments: Fragments; variables: Variables };

/** Typical length of a field in a response. */
const lettersPerField = 32;

/** The fields that yield totals: one, or as many as the list in this argument has items. */
const totalFields = new Map<string, string | null>([
  ['customerEntitlementTotal', null],
  ['customerEntitlementTotals', 'requests'],
  ['entitlementTotal', null],
  ['entitlementTotals', 'entitlementIds'],
  ['customerTotal', null],
]);

/** Four times the fields that one total has. */
const fieldsPerTotal = 20;
/** No input type has nearly as many. Rejected inputs are printed into error messages, once per problem. */
const maxInputFields = 100;

/** Limits what one operation may cost. */
export type CostLimit = {
  /** The points that the operation costs: its totals, at least one. Throws `BAD_USER_INPUT` beyond the limits. */
  enforce: (operation: Operation) => number;
  /** Throws `BAD_USER_INPUT` if an operation of the document exceeds the limits with all variables. */
  enforceFixed: (document: DocumentNode) => void;
};

export function createCostLimit(settings: Limits): CostLimit {
  const maxTotals = largestOperation(settings);
  const limits = { totals: maxTotals, fields: Math.max(1000, maxTotals * fieldsPerTotal) };

  /** Measuring fifty aliases takes a tenth of a hot operation; a cost that no variable changes is measured once. */
  function measure({ document, definition, variables }: Operation): Cost {
    const record = document.operationOf(definition);
    if (record.fixedCost !== undefined) return record.fixedCost;
    const fragments = fragmentsOf(document.ast);
    const cost = measureCost({ definition, fragments, variables }, limits);
    record.hasFixedCost ??= isCostFixed({ definition, fragments });
    if (record.hasFixedCost) record.fixedCost = cost;
    return cost;
  }

  function check({ totals, fields }: Cost): void {
    if (totals > limits.totals) throw tooExpensive(`asks for more than ${limits.totals} totals`);
    if (fields > limits.fields) throw tooExpensive(`asks for more than ${limits.fields} fields`);
  }

  function enforce(operation: Operation): number {
    const cost = measure(operation);
    check(cost);
    if (Object.values(operation.variables).some((value) => isTooWide(value)))
      throw tooExpensive(`has an input of more than ${maxInputFields} fields`);
    return Math.max(1, cost.totals);
  }

  function enforceFixed(document: DocumentNode): void {
    const fragments = fragmentsOf(document);
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION || !isCostFixed({ definition, fragments })) continue;
      check(measureCost({ definition, fragments, variables: {} }, limits));
    }
  }
  return { enforce, enforceFixed };
}

/** An operation that costs more points than a minute has could never run. */
function largestOperation({ GRAPHQL_MAX_TOTALS: maxTotals, RATE_LIMIT_PER_MINUTE: pointsPerMinute }: Limits) {
  return pointsPerMinute === 0 ? maxTotals : Math.min(maxTotals, pointsPerMinute);
}

function tooExpensive(complaint: string): AppError {
  return new AppError('BAD_USER_INPUT', `The operation ${complaint}.`);
}

/** Looks only as deep as inputs nest and messages print. */
function isTooWide(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > 3) return false;
  if (!Array.isArray(value) && Object.keys(value).length > maxInputFields) return true;
  return Object.values(value).some((member) => isTooWide(member, depth + 1));
}

function fragmentsOf({ definitions }: DocumentNode): Fragments {
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
}

/**
 * Counts the totals and fields of a valid operation, no further than one over each limit. Aliases, list items and entities
 * each count; skipped fields, and fields that are selected again under one name, do not. The fields are limited because a
 * list of a thousand, with a hundred aliases of a thousand letters for each item, would be a response of a hundred megabytes.
 */
export function measureCost(
  { definition, fragments, variables: given }: MeasuredOperation,
  limits: Cost,
): Cost {
  const variables = withDefaults(definition, given);
  let totals = 0;
  let fields = 0;
  visitSelections(definition.selectionSet.selections, 1);
  return { totals: Math.min(totals, limits.totals + 1), fields: Math.min(fields, limits.fields + 1) };

  /** Adds the selections of an object that occurs `times` over. */
  function visitSelections(selections: readonly SelectionNode[], times: number, typeName?: string): void {
    for (const [name, nodes] of collectFields(selections, { fragments, variables, typeName })) {
      // Selections nest through totals alone, so deep nesting soon exceeds the limit.
      if (totals > limits.totals || fields > limits.fields || times === 0) return;
      fields += times * (1 + Math.floor(name.length / lettersPerField));
      visitField(nodes, times);
    }
  }

  function visitField(nodes: readonly FieldNode[], times: number): void {
    const [field] = nodes;
    if (field === undefined) return;
    const children = nodes.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
    if (field.name.value === '_entities') {
      visitEntities(field, children, times);
      return;
    }
    const totalsOfField = countField(field, variables);
    totals += times * (totalsOfField ?? 0);
    visitSelections(children, times * (totalsOfField ?? 1));
  }

  /** Each entity counts as one total at least, also when none of its totals is selected. */
  function visitEntities(field: FieldNode, children: readonly SelectionNode[], times: number): void {
    const types = typesOfEntities(field, variables);
    const minimum = totals + times * types.length;
    if (minimum <= limits.totals) {
      for (const entityType of entityTypes)
        visitSelections(
          children,
          times * types.filter((type) => type === entityType).length,
          String(entityType),
        );
    }
    totals = Math.max(totals, minimum);
  }
}

/** Whether the cost is the same for all variables: none is in a directive, or in an argument that is a counted list. */
function isCostFixed({ definition, fragments }: Omit<MeasuredOperation, 'variables'>): boolean {
  let isFixed = true;
  const checkArguments = (node: WithArguments) => {
    if (!node.arguments?.some(hasVariable)) return undefined;
    isFixed = false;
    return BREAK;
  };
  const visitor = {
    Directive: checkArguments,
    Field: (field: FieldNode) => (hasList(field.name.value) ? checkArguments(field) : undefined),
  };
  for (const node of [definition, ...fragments.values()]) visit(node, visitor);
  return isFixed;
}

function hasVariable(argument: ArgumentNode): boolean {
  let isFound = false;
  const stop = () => {
    isFound = true;
    return BREAK;
  };
  visit(argument, { Variable: stop });
  return isFound;
}

function hasList(fieldName: string): boolean {
  return fieldName === '_entities' || typeof totalFields.get(fieldName) === 'string';
}

/** Variables are not coerced yet, so absent ones still need their defaults. */
function withDefaults({ variableDefinitions = [] }: OperationDefinitionNode, given: Variables): Variables {
  const defaults = variableDefinitions
    .filter(({ defaultValue }) => defaultValue !== undefined)
    .map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue && valueFromASTUntyped(defaultValue),
    ]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** How many totals the field itself yields; undefined for other fields. */
function countField(field: FieldNode, variables: Variables): number | undefined {
  const listArgument = totalFields.get(field.name.value);
  if (listArgument === undefined) return undefined;
  const list = listArgument === null ? null : readArgument(field, listArgument, variables);
  return Array.isArray(list) ? list.length : 1;
}

/** The type names of the requested entities, unchecked. */
function typesOfEntities(field: FieldNode, variables: Variables): unknown[] {
  const representations = [readArgument(field, 'representations', variables)].flat();
  return representations.map(
    (representation) => (representation as { __typename?: unknown } | null | undefined)?.__typename,
  );
}

type Collecting = { fragments: Fragments; variables: Variables; typeName: string | undefined };

/** The fields of an object of this type, grouped by response name. */
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

  /** Only `_entities` yields objects of more than one type. */
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
  const argument = node.arguments?.find((candidate) => candidate.name.value === name);
  return argument && valueFromASTUntyped(argument.value, variables);
}
