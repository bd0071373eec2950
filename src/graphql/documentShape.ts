import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionNode,
  visit,
} from 'graphql';

/** The size of a document before it is executed. The counts are those of its largest operation. */
export type DocumentShape = {
  /** Levels of fields. Fragments add none; the fields below `__schema` and `__type` do not count. */
  depth: number;
  /** A fragment counts once for each operation that uses it, however often it is spread. */
  aliases: number;
  directives: number;
  /** Fragment spreads and inline fragments of the whole document. */
  spreads: number;
  /** Fields with the same response key in one selection. */
  repeated: number;
  /** Fields and spreads. A fragment counts each time that it is spread. */
  selections: number;
};

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Visits each definition once, and each fragment once more for each definition that uses it. If there are more spreads than
 * `maxSpreads`, only they are counted: a chain of them takes long, and could overflow the stack.
 */
export function measureShape({ definitions }: DocumentNode, maxSpreads: number): DocumentShape {
  const fragments = new Map(
    definitions
      .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const texts = new Map(definitions.map((node) => [node, countText(node)]));
  const spreads = texts.values().reduce((sum, text) => sum + text.spreads, 0);
  const shape = { depth: 0, aliases: 0, directives: 0, spreads, repeated: 0, selections: 0 };
  if (spreads > maxSpreads) return shape;
  const expand = createExpansion(fragments);
  // Of fragments as well: GraphQL's own rules also visit those that no operation uses.
  for (const [node, { repeated }] of texts) {
    const used = usedBy(node, { fragments, texts });
    const { depth, selections } = 'selectionSet' in node ? expand(node.selectionSet.selections) : nothing;
    // A fragment below `__schema` may be deep.
    if (node.kind === Kind.OPERATION_DEFINITION) shape.depth = Math.max(shape.depth, depth);
    shape.selections = Math.max(shape.selections, selections);
    shape.aliases = Math.max(shape.aliases, sumOf(used, 'aliases'));
    shape.directives = Math.max(shape.directives, sumOf(used, 'directives'));
    shape.repeated = Math.max(shape.repeated, repeated);
  }
  return shape;
}

type TextCount = Pick<DocumentShape, 'aliases' | 'directives' | 'spreads' | 'repeated'> & {
  /** Names of the fragments that it spreads. */
  fragments: Set<string>;
};

function countText(definition: DefinitionNode): TextCount {
  const count = { aliases: 0, directives: 0, spreads: 0, repeated: 0, fragments: new Set<string>() };
  visit(definition, {
    SelectionSet: ({ selections }) => {
      count.repeated = Math.max(count.repeated, mostRepeated(selections));
    },
    Field: ({ alias }) => {
      count.aliases += alias === undefined ? 0 : 1;
    },
    Directive: () => {
      count.directives += 1;
    },
    InlineFragment: () => {
      count.spreads += 1;
    },
    FragmentSpread: ({ name }) => {
      count.spreads += 1;
      count.fragments.add(name.value);
    },
  });
  return count;
}

function mostRepeated(selections: readonly SelectionNode[]): number {
  const counts = new Map<string, number>();
  for (const selection of selections) {
    if (selection.kind !== Kind.FIELD) continue;
    const name = (selection.alias ?? selection.name).value;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

type Texts = ReadonlyMap<DefinitionNode, TextCount>;

/** The counts of a definition and of all fragments that it uses, directly or through others. */
function usedBy(definition: DefinitionNode, { fragments, texts }: { fragments: Fragments; texts: Texts }) {
  const found = new Set([definition]);
  // A set is iterated in the order of insertion, including what is added meanwhile.
  for (const node of found) {
    for (const name of texts.get(node)?.fragments ?? []) {
      const fragment = fragments.get(name);
      if (fragment !== undefined) found.add(fragment);
    }
  }
  return Array.from(found, (node) => texts.get(node));
}

function sumOf(counts: readonly (TextCount | undefined)[], name: 'aliases' | 'directives'): number {
  return counts.reduce((sum, count) => sum + (count?.[name] ?? 0), 0);
}

type Expansion = Pick<DocumentShape, 'depth' | 'selections'>;

const nothing: Expansion = { depth: 0, selections: 0 };
const introspectionFields: readonly string[] = ['__schema', '__type'];

/** Measures selections as if each fragment stood in the place of its spread, without expanding any: it measures each fragment once. */
function createExpansion(fragments: Fragments): (selections: readonly SelectionNode[]) => Expansion {
  const known = new Map<string, Expansion>();
  return expand;

  function expand(selections: readonly SelectionNode[]): Expansion {
    let { depth, selections: count } = nothing;
    for (const selection of selections) {
      const expansion = expandSelection(selection);
      depth = Math.max(depth, expansion.depth);
      count += 1 + expansion.selections;
    }
    return { depth, selections: count };
  }

  function expandSelection(selection: SelectionNode): Expansion {
    if (selection.kind === Kind.FIELD) return expandField(selection);
    if (selection.kind === Kind.INLINE_FRAGMENT) return expand(selection.selectionSet.selections);
    return expandFragment(selection.name.value);
  }

  /** GraphQL's own rules limit the depth of introspection. */
  function expandField({ name, selectionSet }: FieldNode): Expansion {
    const { depth, selections } = selectionSet === undefined ? nothing : expand(selectionSet.selections);
    return { depth: introspectionFields.includes(name.value) ? 1 : depth + 1, selections };
  }

  function expandFragment(name: string): Expansion {
    const measured = known.get(name);
    if (measured !== undefined) return measured;
    // For spreads within the fragment itself, which GraphQL's own rules reject.
    known.set(name, nothing);
    const expansion = expand(fragments.get(name)?.selectionSet.selections ?? []);
    known.set(name, expansion);
    return expansion;
  }
}
