import { ApolloServer } from '@apollo/server';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { parse } from 'graphql';
import { type Context, createContext, resolvers, typeDefs } from './handwritten.ts';

const schema = buildSubgraphSchema([{ typeDefs: parse(typeDefs), resolvers: resolvers as never }]);
const apollo = new ApolloServer<Context>({ schema });
await apollo.start();
const app = express();
app.use(
  '/graphql',
  express.json(),
  expressMiddleware(apollo, { context: async () => createContext() }) as never,
);
app.listen(Number(process.env.PORT), '127.0.0.1');
