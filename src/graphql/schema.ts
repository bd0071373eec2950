import { readdirSync, readFileSync } from 'node:fs';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { type DocumentNode, type GraphQLSchema, Kind, parse } from 'graphql';
import { AppError } from '../errors.ts';
import type { Reference } from './context.ts';
import { entityTypes } from './cost.ts';
import { parseUuid, resolvers } from './resolvers.ts';

const folder = new URL('../../schema/', import.meta.url);

/** Builds the executable Federation 2 subgraph from the files in `schema/`. */
export function createSchema(): GraphQLSchema {
  const files = readdirSync(folder).filter((name) => name.endsWith('.graphql'));
  const text = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  const typeDefs = parse(text);
  const schema = buildSubgraphSchema([{ typeDefs, resolvers }]);
  describeScalars(schema, typeDefs);
  resolveEntitiesOneByOne(schema);
  return schema;
}

/** graphql-scalars' own descriptions would win over those in `schema/`. */
function describeScalars(schema: GraphQLSchema, { definitions }: DocumentNode): void {
  for (const node of definitions) {
    const scalar = node.kind === Kind.SCALAR_TYPE_DEFINITION && schema.getType(node.name.value);
    if (scalar) scalar.description = node.description?.value;
  }
}

/** @apollo/subgraph fails all entities of a request when one representation is malformed. */
function resolveEntitiesOneByOne(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()._entities;
  if (field === undefined) throw new Error('The schema has no entities.');
  field.resolve = (_, { representations }) => representations.map(toEntity);
}

/** Representations are unchecked input. An entity is only its key: Zenskar decides whether it exists when its totals are loaded. */
function toEntity(representation: unknown): Reference | AppError {
  const { __typename, id } = (representation ?? {}) as { __typename?: unknown; id?: unknown };
  if (!entityTypes.includes(__typename)) {
    return new AppError('BAD_USER_INPUT', 'The representation has an unknown `__typename`.');
  }
  try {
    const entity = { __typename, id: parseUuid(id) };
    return entity;
  } catch {
    return new AppError('BAD_USER_INPUT', 'The id of the representation is not a UUID.');
  }
}
