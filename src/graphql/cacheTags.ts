import { Kind, type OperationDefinitionNode } from 'graphql';
import type { LoadStats } from '../totals/stats.ts';
import type { Operation } from './documents.ts';
import { parseUuid } from './resolvers.ts';

/**
 * Cache tags for Apollo Router, so that a purge of a customer can be repeated there: `apolloEntityCacheTags` for each entity in
 * its place, `apolloCacheTags` for other responses.
 */
export function toCacheTags({ definition, variables }: Operation, { totals }: LoadStats): CacheTags {
  const customerIds = new Set(totals.map(({ customerId }) => customerId));
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
 * An entity may hold totals of its own customer and, through nested fields, of customers that no other entity stands for.
 * A superfluous tag costs one fetch; a missing one would leave a purged number in the router's cache.
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
