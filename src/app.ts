import { readFileSync } from 'node:fs';
import type { DestinationStream } from 'pino';
import { type Config, secretVariables } from './config.ts';
import { createGraphQLServer } from './graphql/server.ts';
import { createHttpServer } from './http/server.ts';
import { createLog } from './telemetry/log.ts';
import { createTotalLoader } from './totals/loader.ts';
import { createZenskarClient } from './zenskar/client.ts';
import { createUpstream } from './zenskar/upstream.ts';

/** Where Apollo Sandbox runs; its requests come from there. */
const sandboxOrigins = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'];

type Overrides = {
  /** Milliseconds since the epoch. */
  now?: () => number;
  logDestination?: DestinationStream;
};

export type App = {
  /** Listens; resolves to the base URL. */
  start: () => Promise<string>;
  /** Lets what is under way end, then frees everything. */
  stop: () => Promise<void>;
};

/** Builds the gateway, each part once, from the outside in. */
export function createApp(config: Config, { now = Date.now, logDestination }: Overrides = {}): App {
  const emit = createLog({
    level: config.LOG_LEVEL,
    secrets: secretVariables.map((name) => config[name]),
    destination: logDestination,
  });

  const client = createZenskarClient({
    url: config.ZENSKAR_URL,
    apiKey: config.ZENSKAR_API_KEY,
    organisation: config.ZENSKAR_ORGANISATION,
    apiVersion: config.ZENSKAR_API_VERSION,
    attemptTimeoutMs: config.UPSTREAM_ATTEMPT_TIMEOUT_MS,
    maxSockets: config.UPSTREAM_CONCURRENCY,
    userAgent: readUserAgent(),
  });
  const upstream = createUpstream({ client, emit, now });

  const graphql = createGraphQLServer({
    config,
    createTotals: (scope) => createTotalLoader({ ...scope, upstream }),
    emit,
    now,
  });

  const http = createHttpServer({
    host: config.HOST,
    port: config.PORT,
    execute: graphql.execute,
    corsOrigins: [...config.CORS_ORIGINS, ...(config.GRAPHQL_EXPLORER === 'sandbox' ? sandboxOrigins : [])],
    maxBodyBytes: config.HTTP_MAX_BODY_BYTES,
    shutdownDelayMs: config.SHUTDOWN_DELAY_MS,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    emit,
    now,
  });

  async function start(): Promise<string> {
    await graphql.start();
    const url = await http.start();
    emit({ type: 'started', url });
    return url;
  }

  async function stop(): Promise<void> {
    await http.stop();
    await graphql.stop();
    client.close();
  }
  return { start, stop };
}

function readUserAgent(): string {
  const file = new URL('../package.json', import.meta.url);
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string };
  return `${name}/${version}`;
}
