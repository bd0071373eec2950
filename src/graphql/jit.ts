import {
  BREAK,
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { CompiledOperation, DocumentRecord, Operation } from './documents.ts';

/** Compiling takes as long as a dozen executions save (3 ms for 50 aliases), so it is for documents that come again. */
const executionsBeforeCompiling = 2;

/** The code of an operation that was executed often enough; undefined before, and when graphql-js has to execute it. */
export function prepare(
  schema: GraphQLSchema,
  { document, definition }: Operation,
): CompiledOperation | undefined {
  const record = document.operationOf(definition);
  record.executions += 1;
  if (record.executions === executionsBeforeCompiling + 1)
    record.compiled = compile(schema, document, definition.name?.value);
  return record.compiled;
}

function compile(
  schema: GraphQLSchema,
  document: DocumentRecord,
  operationName: string | undefined,
): CompiledOperation | undefined {
  if (usesUnsupportedSyntax(document.ast) || mergesConditionalFields(document.ast)) return undefined;
  const compiled = compileQuery(schema, document.ast, operationName);
  if (!isCompiledQuery(compiled)) return undefined;
  return async (variables, context) => {
    const { data, errors } = await compiled.query({}, context, variables);
    return {
      ...(data !== undefined && { data }),
      ...(errors && { errors: errors.map((error) => withNodes(error, document)) }),
    };
  };
}

/** graphql-jit's errors have a location but no node, from which formatting takes the name of the field. */
function withNodes(error: GraphQLError, document: DocumentRecord): GraphQLError {
  const { message, locations, path, originalError } = error;
  const nodes = locations?.flatMap((location) => document.fieldAt(location) ?? []) ?? [];
  return new GraphQLError(message, { nodes, path: path ?? null, originalError: originalError ?? null });
}

/**
 * Whether graphql-jit would read the document in another way than graphql-js: it takes no variables inside an untyped literal,
 * lets a null through when the default of a nullable variable hides it, and keeps names that callers choose in plain objects.
 */
function usesUnsupportedSyntax(document: DocumentNode): boolean {
  if (document.loc?.source.body.includes('__proto__')) return true;
  let isUnsupported = false;
  const stop = () => {
    isUnsupported = true;
    return BREAK;
  };
  visit(document, {
    VariableDefinition: ({ variable, defaultValue, type }) =>
      variable.name.value in {} || (defaultValue !== undefined && type.kind !== Kind.NON_NULL_TYPE)
        ? stop()
        : undefined,
    Argument: ({ name, value }) =>
      name.value === 'representations' && value.kind !== Kind.VARIABLE ? stop() : undefined,
  });
  return isUnsupported;
}

/**
 * Whether a field or fragment that a directive may skip is selected a second time. graphql-jit then keeps the place of a skipped
 * field in the response and in errors, and skips a fragment at every spread as soon as one of its spreads is skipped.
 */
function mergesConditionalFields({ definitions }: DocumentNode): boolean {
  const fragments = new Map<string, SelectionSetNode>();
  const spreads = new Map<string, boolean>();
  for (const node of definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node.selectionSet);
  }
  return definitions.some((node) => node.kind === Kind.OPERATION_DEFINITION && repeats([node.selectionSet]));

  /** Checks selection sets that merge into one object, then those of its fields. */
  function repeats(merged: readonly SelectionSetNode[]): boolean {
    const fields = new Map<string, boolean>();
    const nested = new Map<string, SelectionSetNode[]>();
    const visited = new Set<string>();
    return merged.some((set) => collect(set, false)) || nested.values().some(repeats);

    function collect({ selections }: SelectionSetNode, isWithinSkipped: boolean): boolean {
      return selections.some((selection) => {
        const maySkip = isWithinSkipped || (selection.directives?.length ?? 0) > 0;
        if (selection.kind === Kind.FIELD) return collectField(selection, maySkip);
        if (selection.kind === Kind.INLINE_FRAGMENT) return collect(selection.selectionSet, maySkip);
        const name = selection.name.value;
        const fragment = visited.has(name) ? undefined : fragments.get(name);
        visited.add(name);
        return (
          isConditionalRepeat(spreads, name, maySkip) ||
          (fragment !== undefined && collect(fragment, maySkip))
        );
      });
    }

    function collectField({ alias, name, selectionSet }: FieldNode, maySkip: boolean): boolean {
      const key = (alias ?? name).value;
      if (selectionSet !== undefined) nested.set(key, [...(nested.get(key) ?? []), selectionSet]);
      return isConditionalRepeat(fields, key, maySkip);
    }
  }
}

/** Whether this name was selected before, and either selection may be skipped. */
function isConditionalRepeat(selected: Map<string, boolean>, name: string, maySkip: boolean): boolean {
  const earlierMaySkip = selected.get(name);
  selected.set(name, maySkip);
  return earlierMaySkip !== undefined && (maySkip || earlierMaySkip);
}
