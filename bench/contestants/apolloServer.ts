import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { type Context, resolvers, typeDefs } from './handwritten.ts';
import { telemetry } from './telemetry.ts';

const telemetryPlugin: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    const startedMs = performance.now();
    return {
      async willSendResponse({ request, operationName, errors = [] }) {
        telemetry?.operationEnded({
          requestId: request.http?.headers.get('x-request-id'),
          operation: operationName ?? 'anonymous',
          durationMs: performance.now() - startedMs,
          errors,
        });
      },
    };
  },
};

export const apollo = new ApolloServer<Context>({
  schema: buildSubgraphSchema([{ typeDefs: parse(typeDefs), resolvers: resolvers as never }]),
  plugins: telemetry === undefined ? [] : [telemetryPlugin],
});
await apollo.start();
