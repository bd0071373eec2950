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
import { type Caller, createTotalSource } from './totals/source.ts';
import { secretVariables } from './variables.ts';
import { userAgent } from './version.ts';
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

type Surroundings = { config: Config; emit: Emit; now: () => number };

/** Builds the gateway, each part once, from the inside out. */
export async function createApp(
  config: Config,
  { now = Date.now, logDestination }: Overrides = {},
): Promise<App> {
  const secrets = secretVariables.flatMap((name) => config[name] ?? []);
  const emit = createLog({ level: config.LOG_LEVEL, secrets, destination: logDestination });
  const surroundings = { config, emit, now };

  const { tenant, client, upstream } = composeUpstream(surroundings);
  const { cache, source } = await composeTotals(upstream, surroundings);
  const createTotals = (caller: Omit<Caller, 'tenant'>) => createTotalLoader(source, { ...caller, tenant });
  const graphql = createGraphQLServer({ createTotals, ...surroundings });
  const http = composeMainListener(graphql, surroundings);
  const admin = composeAdminListener(cache, surroundings);

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

function composeUpstream({ config, emit, now }: Surroundings) {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion, UPSTREAM_CONCURRENCY: concurrency } = config;
  const credentials = { apiKey: config.ZENSKAR_API_KEY, organisation: config.ZENSKAR_ORGANISATION };
  const tenant = createTenant({ ...credentials, url, apiVersion });
  const client = createZenskarClient({ url, apiVersion, maxSockets: concurrency, userAgent });
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

async function composeTotals(upstream: Upstream, { config, emit, now }: Surroundings) {
  const freshness = {
    maxAgeMs: config.CACHE_MAX_AGE_SECONDS * 1000,
    staleWhileRevalidateMs: config.CACHE_STALE_WHILE_REVALIDATE_SECONDS * 1000,
    staleIfErrorMs: config.CACHE_STALE_IF_ERROR_SECONDS * 1000,
  };
  const { CACHE_MAX_ENTRIES: maxEntries, REDIS_URL: redisUrl } = config;
  const cache = await createCache({ maxEntries, redisUrl, lifetimeMs: toLifetimeMs(freshness), emit, now });
  return { cache, source: createTotalSource({ cache, upstream, freshness, now }) };
}

function composeMainListener({ execute }: GraphQLServer, surroundings: Surroundings) {
  const { config } = surroundings;
  const maxBodyBytes = config.HTTP_MAX_BODY_BYTES;
  const routes = new Map([['/graphql', createGraphQLRoute({ execute, maxBodyBytes })]]);
  const explorerOrigins = config.GRAPHQL_EXPLORER === 'sandbox' ? sandboxOrigins : [];
  const corsOrigins = [...config.CORS_ORIGINS, ...explorerOrigins];
  const own = { listener: 'main', routes, corsOrigins } as const;
  return createHttpServer(config.HOST, config.PORT, { ...surroundings, ...own });
}

function composeAdminListener({ purge }: Cache, surroundings: Surroundings) {
  const { ADMIN_HOST, ADMIN_PORT, PURGE_TOKEN: purgeToken } = surroundings.config;
  if (purgeToken === undefined) return undefined;
  const routes = createAdminRoutes({ purgeToken, purge });
  const own = { listener: 'admin', routes, corsOrigins: [] } as const;
  return createHttpServer(ADMIN_HOST, ADMIN_PORT, { ...surroundings, ...own });
}
