import { Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from './context.ts';
import type { Operation } from './operation.ts';
import { parseUuid } from './scalars.ts';

/**
 * Tells a router under which tags to keep an answer, so that whoever purges a customer here can purge it there, too:
 * `apolloEntityCacheTags` for each entity in its place, `apolloCacheTags` for other answers.
 */
export function toCacheTags({ definition, variables }: Operation, { stats }: Context): CacheTags {
  const customerIds = new Set(stats.totals.map(({ customerId }) => customerId));
  const { representations } = variables;
  return asksForEntities(definition) && Array.isArray(representations)
    ? { apolloEntityCacheTags: tagEntities(representations, customerIds) }
    : { apolloCacheTags: [...customerIds].map(toTag) };
}

type CacheTags = { apolloEntityCacheTags: string[][] } | { apolloCacheTags: string[] };

function asksForEntities({ selectionSet }: OperationDefinitionNode): boolean {
  return selectionSet.selections.some(
    (field) => field.kind === Kind.FIELD && field.name.value === '_entities',
  );
}

/**
 * An entity's answer may hold totals of its own customer, and through it of any that no other entity stands for.
 * Rather a tag too many: it costs a fetch, where one too few leaves a purged number.
 */
function tagEntities(representations: readonly unknown[], customerIds: ReadonlySet<string>): string[][] {
  const own = representations.map(customerOf);
  const named = new Set(own);
  const others = [...customerIds].filter((id) => !named.has(id));
  return representations.map((_, n) => {
    const id = own[n];
    return (id === undefined ? [...customerIds] : [id, ...others]).map(toTag);
  });
}

function customerOf(representation: unknown): string | undefined {
  const { __typename, id } = (representation ?? {}) as { __typename?: unknown; id?: unknown };
  try {
    return __typename === 'Customer' ? parseUuid(id) : undefined;
  } catch {
    return undefined;
  }
}

function toTag(customerId: string): string {
  return `customer-${customerId}`;
}
