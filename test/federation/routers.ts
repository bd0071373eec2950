import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { findFreePort } from '../support/freePort.ts';
import { run } from '../support/process.ts';

export type Router = { url: string; stop: () => Promise<void> };

/** The headers that a router must forward: the caller's credentials, the request id and the trace context. */
const forwardedHeaders = ['authorization', 'x-request-id', 'traceparent'];

type Context = { headers?: Record<string, string | string[] | undefined> };

/** Apollo's JavaScript gateway inside an Apollo Server. */
export async function startApolloGateway(supergraphSdl: string): Promise<Router> {
  const gateway = new ApolloGateway({
    supergraphSdl,
    buildService: ({ url = '' }) =>
      new RemoteGraphQLDataSource<Context>({
        url,
        willSendRequest({ request, context }) {
          for (const name of forwardedHeaders) {
            const value = context.headers?.[name];
            if (typeof value === 'string') request.http?.headers.set(name, value);
          }
        },
      }),
  });
  const server = new ApolloServer<Context>({
    gateway: gateway as never,
    nodeEnv: 'production',
    stopOnTerminationSignals: false,
  });
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: 0 },
    context: async ({ req }) => ({ headers: req.headers }),
  });
  return { url: `${url}graphql`, stop: () => server.stop() };
}

/** Hive Gateway in its own process, with the configuration of the example. */
export async function startHiveGateway(supergraphSdl: string): Promise<Router> {
  const folder = await mkdtemp(join(tmpdir(), 'supergraph-'));
  const supergraph = join(folder, 'supergraph.graphql');
  await writeFile(supergraph, supergraphSdl);
  const port = await findFreePort();
  const here = new URL('.', import.meta.url).pathname;
  const program = join(here, 'node_modules/@graphql-hive/gateway/dist/bin.js');
  const config = new URL('../../examples/federation/hive.config.mjs', import.meta.url).pathname;
  const args = [
    program,
    'supergraph',
    supergraph,
    '--config-path',
    config,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
  ];
  const router = run(args, {}, { cwd: here });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/readiness`, router.output);
  return {
    url: `${url}/graphql`,
    stop: async () => {
      router.signal('SIGTERM');
      await router.exited;
      await rm(folder, { recursive: true });
    },
  };
}

async function untilReady(url: string, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The router does not become ready: ${output()}`);
}
