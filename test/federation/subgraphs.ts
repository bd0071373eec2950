import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

export type Subgraph = {
  sdl: string;
  url: string;
  /** The headers of the latest request. */
  headers: () => IncomingHttpHeaders;
  stop: () => Promise<void>;
};

type Entity = { id: string };
type Resolvers = Record<string, Record<string, unknown>>;

const resolversOf: Record<'accounts' | 'catalogue', Resolvers> = {
  accounts: {
    Query: { customers: (_: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ id })) },
    Customer: {
      __resolveReference: (entity: Entity) => entity,
      name: ({ id }: Entity) => `Customer ${id.slice(-4)}`,
    },
  },
  catalogue: {
    Query: { entitlements: (_: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ id })) },
    Entitlement: {
      __resolveReference: (entity: Entity) => entity,
      name: ({ id }: Entity) => `Entitlement ${id.slice(-4)}`,
      unit: () => 'calls',
    },
  },
};

/** Starts one of the two small subgraphs that own customers and entitlements. */
export async function startSubgraph(name: 'accounts' | 'catalogue'): Promise<Subgraph> {
  const sdl = readFileSync(new URL(`subgraphs/${name}.graphql`, import.meta.url), 'utf8');
  let headers: IncomingHttpHeaders = {};
  const server = new ApolloServer({
    schema: buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: resolversOf[name] as never }]),
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    nodeEnv: 'production',
    stopOnTerminationSignals: false,
  });
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: 0 },
    context: async ({ req }) => {
      headers = req.headers;
      return {};
    },
  });
  return { sdl, url, headers: () => headers, stop: () => server.stop() };
}
