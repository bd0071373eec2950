import { BREAK, type DocumentNode, type FieldNode, Kind, type SelectionSetNode, visit } from 'graphql';

/** Whether compiled code answers the operations of this document as graphql-js does, byte for byte. */
export function isCompilable(document: DocumentNode): boolean {
  return !isReadOtherwise(document) && !maySkipRepeated(document);
}

/**
 * Compiled code reads some documents in another way than graphql-js does: it takes no variables inside an untyped literal, lets
 * a null through where a variable's default hid that none may be, and has plain objects by names that callers choose.
 */
function isReadOtherwise(document: DocumentNode): boolean {
  if (document.loc?.source.body.includes('__proto__')) return true;
  let isOdd = false;
  const giveUp = () => {
    isOdd = true;
    return BREAK;
  };
  visit(document, {
    VariableDefinition: ({ variable, defaultValue, type }) =>
      variable.name.value in {} || (defaultValue !== undefined && type.kind !== Kind.NON_NULL_TYPE)
        ? giveUp()
        : undefined,
    Argument: ({ name, value }) =>
      name.value === 'representations' && value.kind !== Kind.VARIABLE ? giveUp() : undefined,
  });
  return isOdd;
}

/**
 * Whether what a directive may skip is selected a second time. Compiled code then keeps the place of a skipped field, in the
 * order of the answer and in errors, and skips a fragment wherever it is spread as soon as one of its spreads is skipped.
 */
function maySkipRepeated({ definitions }: DocumentNode): boolean {
  const fragments = new Map<string, SelectionSetNode>();
  const spreads = new Map<string, boolean>();
  for (const one of definitions) {
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one.selectionSet);
  }
  return definitions.some((one) => one.kind === Kind.OPERATION_DEFINITION && repeats([one.selectionSet]));

  /** Looks at selection sets that are merged into one, and at those within. */
  function repeats(merged: readonly SelectionSetNode[]): boolean {
    const fields = new Map<string, boolean>();
    const within = new Map<string, SelectionSetNode[]>();
    const visited = new Set<string>();
    return merged.some((set) => collect(set, false)) || within.values().some(repeats);

    function collect({ selections }: SelectionSetNode, isWithinSkipped: boolean): boolean {
      return selections.some((one) => {
        const maySkip = isWithinSkipped || (one.directives?.length ?? 0) > 0;
        if (one.kind === Kind.FIELD) return collectField(one, maySkip);
        if (one.kind === Kind.INLINE_FRAGMENT) return collect(one.selectionSet, maySkip);
        const name = one.name.value;
        const fragment = visited.has(name) ? undefined : fragments.get(name);
        visited.add(name);
        return (
          isSkippedAgain(spreads, name, maySkip) || (fragment !== undefined && collect(fragment, maySkip))
        );
      });
    }

    function collectField({ alias, name, selectionSet }: FieldNode, maySkip: boolean): boolean {
      const key = (alias ?? name).value;
      if (selectionSet !== undefined) within.set(key, [...(within.get(key) ?? []), selectionSet]);
      return isSkippedAgain(fields, key, maySkip);
    }
  }
}

/** Whether this was selected before, and may be skipped now or might have been then. */
function isSkippedAgain(selected: Map<string, boolean>, name: string, maySkip: boolean): boolean {
  const mightHave = selected.get(name);
  selected.set(name, maySkip);
  return mightHave !== undefined && (maySkip || mightHave);
}
