import { readdirSync, readFileSync } from 'node:fs';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { type GraphQLSchema, parse } from 'graphql';
import { resolvers } from './resolvers.ts';

const folder = new URL('../../schema/', import.meta.url);

/** Builds the executable Federation 2 subgraph from the files in `schema/`. */
export function createSchema(): GraphQLSchema {
  const files = readdirSync(folder).filter((name) => name.endsWith('.graphql'));
  const text = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  return buildSubgraphSchema([{ typeDefs: parse(text), resolvers }]);
}
