import type { DestinationStream } from 'pino';
import { type Cache, createCache } from './cache/cache.ts';
import type { Config } from './config.ts';
import { createGraphQLServer, type GraphQLServer } from './graphql/server.ts';
import { createAdminRoutes } from './http/admin.ts';
import { createGraphQLRoute } from './http/graphqlRoute.ts';
import { createHttpServer } from './http/server.ts';
import type { Emit } from './telemetry/events.ts';
import { createLog } from './telemetry/log.ts';
import { createTenant } from './tenant.ts';
import { toLifetimeMs } from './totals/freshness.ts';
import { createTotalLoader } from './totals/loader.ts';
import { createTotalSource } from './totals/source.ts';
import { secretVariables } from './variables.ts';
import { name, version } from './version.ts';
import { createZenskarClient } from './zenskar/client.ts';
import { createUpstream, type Upstream } from './zenskar/upstream.ts';

/** Where Apollo Sandbox runs; its requests come from there. */
const sandboxOrigins = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'];

type Overrides = {
  /** Milliseconds since the epoch. */
  now?: () => number;
  logDestination?: DestinationStream;
};

export type App = {
  /** Listens; resolves to the base URLs of the main and, where it is on, the admin listener. */
  start: () => Promise<{ url: string; adminUrl: string | undefined }>;
  /** Lets what is under way end, then frees everything. */
  stop: () => Promise<void>;
};

type Surroundings = { emit: Emit; now: () => number };

/** Builds the gateway, each part once, from the inside out. */
export function createApp(config: Config, { now = Date.now, logDestination }: Overrides = {}): App {
  const secrets = secretVariables.flatMap((name) => config[name] ?? []);
  const emit = createLog({ level: config.LOG_LEVEL, secrets, destination: logDestination });
  const surroundings = { emit, now };

  const { tenant, client, upstream } = composeUpstream(config, surroundings);
  const { cache, source } = composeTotals(config, upstream, surroundings);
  const graphql = createGraphQLServer({
    config,
    createTotals: (caller) => createTotalLoader(source, { ...caller, tenant }),
    ...surroundings,
  });
  const http = composeMainListener(config, graphql, surroundings);
  const admin = composeAdminListener(config, cache, surroundings);

  async function start() {
    await graphql.start();
    const adminUrl = await admin?.start();
    const url = await http.start();
    cache.start();
    emit({ type: 'started', url, adminUrl });
    return { url, adminUrl };
  }

  async function stop(): Promise<void> {
    await Promise.all([http.stop(), admin?.stop()]);
    await graphql.stop();
    cache.stop();
    client.close();
  }
  return { start, stop };
}

function composeUpstream(config: Config, { emit, now }: Surroundings) {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion, UPSTREAM_CONCURRENCY: concurrency } = config;
  const credentials = { apiKey: config.ZENSKAR_API_KEY, organisation: config.ZENSKAR_ORGANISATION };
  const tenant = createTenant({ ...credentials, url, apiVersion });
  const client = createZenskarClient({
    url,
    apiVersion,
    maxSockets: concurrency,
    userAgent: `${name}/${version}`,
  });
  const upstream = createUpstream({
    client,
    attemptTimeoutMs: config.UPSTREAM_ATTEMPT_TIMEOUT_MS,
    deadlineMs: config.UPSTREAM_DEADLINE_MS,
    retries: config.UPSTREAM_RETRIES,
    concurrency,
    breakerFailures: config.UPSTREAM_BREAKER_FAILURES,
    breakerResetMs: config.UPSTREAM_BREAKER_RESET_MS,
    emit,
    now,
  });
  return { tenant, client, upstream };
}

function composeTotals(config: Config, upstream: Upstream, { emit, now }: Surroundings) {
  const freshness = {
    maxAgeMs: config.CACHE_MAX_AGE_SECONDS * 1000,
    staleWhileRevalidateMs: config.CACHE_STALE_WHILE_REVALIDATE_SECONDS * 1000,
    staleIfErrorMs: config.CACHE_STALE_IF_ERROR_SECONDS * 1000,
  };
  const { CACHE_MAX_ENTRIES: maxEntries, REDIS_URL: redisUrl } = config;
  const cache = createCache({ maxEntries, redisUrl, lifetimeMs: toLifetimeMs(freshness), emit, now });
  return { cache, source: createTotalSource({ cache, upstream, freshness, now }) };
}

function composeMainListener(config: Config, { execute }: GraphQLServer, surroundings: Surroundings) {
  const { GRAPHQL_EXPLORER: explorer, HTTP_MAX_BODY_BYTES: maxBodyBytes } = config;
  return createHttpServer(config.HOST, config.PORT, {
    routes: new Map([['/graphql', createGraphQLRoute({ execute, maxBodyBytes })]]),
    corsOrigins: [...config.CORS_ORIGINS, ...(explorer === 'sandbox' ? sandboxOrigins : [])],
    config,
    ...surroundings,
  });
}

function composeAdminListener(config: Config, { purge }: Cache, surroundings: Surroundings) {
  const { PURGE_TOKEN: purgeToken } = config;
  if (purgeToken === undefined) return undefined;
  const routes = createAdminRoutes({ purgeToken, purge });
  return createHttpServer(config.ADMIN_HOST, config.ADMIN_PORT, {
    routes,
    corsOrigins: [],
    config,
    ...surroundings,
  });
}
