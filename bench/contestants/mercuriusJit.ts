import { mercuriusFederationPlugin } from '@mercuriusjs/federation';
import Fastify, { LogController } from 'fastify';
import { createContext, resolvers, typeDefs } from './handwritten.ts';
import { telemetry } from './telemetry.ts';

const { __resolveReference, ...customer } = resolvers.Customer;
const app = Fastify({
  requestIdHeader: 'x-request-id',
  // The one line per operation takes the place of Fastify's two lines per request.
  ...(telemetry && {
    loggerInstance: telemetry.logger,
    logController: new LogController({ disableRequestLogging: true }),
  }),
});
await app.register(mercuriusFederationPlugin, {
  schema: typeDefs.replace('type Query', 'extend type Query'),
  resolvers: { ...resolvers, Customer: { ...customer, __resolveReference } } as never,
  context: createContext,
  jit: 1,
});
if (telemetry !== undefined) {
  app.graphql.addHook('onResolution', ({ errors = [] }, { reply }) => {
    const { operationName } = reply.request.body as { operationName?: string };
    telemetry?.operationEnded({
      requestId: reply.request.id,
      operation: operationName ?? 'anonymous',
      durationMs: reply.elapsedTime,
      errors,
    });
  });
}
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
