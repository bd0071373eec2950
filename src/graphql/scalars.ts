import { GraphQLError, GraphQLScalarType } from 'graphql';
import { GraphQLUUID } from 'graphql-scalars';

const uuid = GraphQLUUID.toConfig();

/** One id, one spelling: everything behind the scalar may compare and join ids as plain text. */
function toCanonical(id: string): string {
  return id.replaceAll(/[{}]/g, '').toLowerCase();
}

const canonicalPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Reads a UUID given outside of GraphQL's own arguments, or throws. */
export function parseUuid(value: unknown): string {
  // graphql-scalars would print whatever else it is into its message, to the end of the stack.
  if (typeof value !== 'string') throw new GraphQLError('Expected a UUID as a string.');
  return canonicalPattern.test(value) ? value : toCanonical(uuid.parseValue(value));
}

/** graphql-scalars' UUID, with input brought into canonical form. */
export const canonicalUuid = new GraphQLScalarType<string, string>({
  ...uuid,
  parseValue: parseUuid,
  parseLiteral: (node, variables) => toCanonical(uuid.parseLiteral(node, variables)),
});
