import { mercuriusFederationPlugin } from '@mercuriusjs/federation';
import Fastify from 'fastify';
import { createContext, resolvers, typeDefs } from './handwritten.ts';

const { __resolveReference, ...customer } = resolvers.Customer;
const app = Fastify();
await app.register(mercuriusFederationPlugin, {
  schema: typeDefs.replace('type Query', 'extend type Query'),
  resolvers: { ...resolvers, Customer: { ...customer, __resolveReference } } as never,
  context: createContext,
  jit: 1,
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
