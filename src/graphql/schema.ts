import { readdirSync, readFileSync } from 'node:fs';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { type GraphQLFieldResolver, type GraphQLSchema, parse } from 'graphql';
import { AppError } from '../errors.ts';
import { entityTypes } from './countTotals.ts';
import { resolvers } from './resolvers.ts';

const folder = new URL('../../schema/', import.meta.url);

/** Builds the executable Federation 2 subgraph from the files in `schema/`. */
export function createSchema(): GraphQLSchema {
  const files = readdirSync(folder).filter((name) => name.endsWith('.graphql'));
  const text = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  const schema = buildSubgraphSchema([{ typeDefs: parse(text), resolvers }]);
  resolveEntitiesOneByOne(schema);
  return schema;
}

type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** The library fails all entities of a request where one representation is malformed. */
function resolveEntitiesOneByOne(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()._entities;
  const resolveAll: Resolve | undefined = field?.resolve;
  if (field === undefined || resolveAll === undefined) throw new Error('The schema has no entities.');
  field.resolve = (...[source, { representations }, context, info]: Parameters<Resolve>) =>
    representations.map(async (representation: unknown) => {
      if (!isEntity(representation)) {
        throw new AppError('BAD_USER_INPUT', 'This representation is of no entity that is known here.');
      }
      const [entity] = resolveAll(source, { representations: [representation] }, context, info) as unknown[];
      return entity;
    });
}

function isEntity(representation: unknown): boolean {
  if (typeof representation !== 'object' || representation === null) return false;
  return '__typename' in representation && entityTypes.includes(representation.__typename);
}
