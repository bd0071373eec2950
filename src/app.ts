import { createAuthenticate } from './auth/authenticate.ts';
import { createRateLimit } from './auth/rateLimiter.ts';
import type { Config } from './config/config.ts';
import { loadGraphiql } from './explorer/graphiql.ts';
import { explorerOrigins } from './graphql/explorer.ts';
import { createPersistedQueries } from './graphql/persistedQueries.ts';
import { createGraphQLServer, type GraphQLServer } from './graphql/server.ts';
import { createAdminListener, type Purge } from './http/admin.ts';
import { createFileRoutes } from './http/fileRoutes.ts';
import { createGraphQLRoute } from './http/graphqlRoute.ts';
import { type ConnectionLimits, createHttpServer } from './http/server.ts';
import type { Redis } from './redis/connection.ts';
import { loadRedis } from './redis/loadRedis.ts';
import { combine, type Emit } from './telemetry/events.ts';
import { createConfiguredLog } from './telemetry/log.ts';
import { createMetrics, type Samples } from './telemetry/metrics.ts';
import type { LogDestination } from './telemetry/stdout.ts';
import { loadTracing, type Tracing } from './telemetry/tracing.ts';
import { createCache } from './totals/cache.ts';
import { toFreshnessSettings, toLifetimeMs } from './totals/freshness.ts';
import { createTotalSource } from './totals/source.ts';
import { createUpstream, type Upstream } from './zenskar/policy.ts';
import { toUpstreamSettings } from './zenskar/settings.ts';
import { loadZenskarClient } from './zenskar/transport.ts';

export type Overrides = {
  /** Milliseconds since the epoch. */
  now?: () => number;
  logDestination?: LogDestination;
  connectionLimits?: Partial<ConnectionLimits>;
  /** One of several, of which the first process alone has an admin listener. */
  isWorker?: boolean;
};

export type App = {
  /** Listens; resolves to the base URLs of the main and the admin listener. */
  start: () => Promise<{ url: string; adminUrl: string | undefined }>;
  /** Lets what is under way end, then frees everything. */
  stop: () => Promise<void>;
  /** Forgets totals; false where some replica could not be told. */
  purge: Purge;
  /** What was counted so far. */
  readSamples: () => Promise<Samples>;
};

type Surroundings = {
  config: Config;
  emit: Emit;
  now: () => number;
  redis: Redis | undefined;
  tracing: Tracing;
  connectionLimits: Partial<ConnectionLimits> | undefined;
};

/** Builds the gateway, each part once, from the inside out. */
export async function createApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const { now = Date.now, logDestination, connectionLimits, isWorker = false } = overrides;
  const metrics = createMetrics({ config, now });
  const log = createConfiguredLog(config, { destination: logDestination, onDrop: metrics.countDroppedLine });
  const emit = combine(log, metrics.count);
  const redis = await loadRedis({ config, emit, now });
  const tracing = await loadTracing({ config, emit, now });
  const surroundings = { config, emit, now, redis, tracing, connectionLimits };

  const { client, upstream } = await composeUpstream(surroundings);
  const { cache, source } = composeTotals(upstream, surroundings);
  const graphql = createGraphQLServer({
    source,
    persistedQueries: createPersistedQueries(redis),
    ...surroundings,
  });
  const http = await composeMainListener(graphql, surroundings);
  const own = { purge: cache.purge, readMetrics: metrics.read, ...surroundings };
  const admin = isWorker ? undefined : createAdminListener(own);

  async function start() {
    await graphql.start();
    const adminUrl = await admin?.start();
    const url = await http.start();
    redis?.start();
    emit({ type: 'started', url, adminUrl, authMode: config.AUTH_MODE });
    return { url, adminUrl };
  }

  async function stop(): Promise<void> {
    await Promise.all([http.stop(), admin?.stop()]).then(graphql.stop);
    redis?.stop();
    client.close();
    await tracing.stop();
  }
  return { start, stop, purge: cache.purge, readSamples: metrics.readSamples };
}

async function composeUpstream({ config, ...surroundings }: Surroundings) {
  const client = await loadZenskarClient(config);
  return { client, upstream: createUpstream({ ...surroundings, client, ...toUpstreamSettings(config) }) };
}

function composeTotals(upstream: Upstream, { config, ...surroundings }: Surroundings) {
  const freshness = toFreshnessSettings(config);
  const bounds = { maxEntries: config.CACHE_MAX_ENTRIES, lifetimeMs: toLifetimeMs(freshness) };
  const cache = createCache({ ...bounds, ...surroundings });
  return { cache, source: createTotalSource({ ...surroundings, cache, upstream, freshness }) };
}

async function composeMainListener({ execute }: GraphQLServer, surroundings: Surroundings) {
  const { config } = surroundings;
  const graphiql = await loadGraphiql(config);
  const graphql = createGraphQLRoute({
    execute,
    page: graphiql?.page,
    identify: await createAuthenticate(surroundings),
    limit: await createRateLimit({ unitsPerMinute: config.RATE_LIMIT_PER_MINUTE, ...surroundings }),
    ...surroundings,
  });
  const corsOrigins = [...config.CORS_ORIGINS, ...explorerOrigins(config)];
  const routes = new Map([['/graphql', graphql], ...createFileRoutes(graphiql?.files)]);
  const own = { listener: 'main', routes, corsOrigins } as const;
  return createHttpServer(config.HOST, config.PORT, { ...surroundings, ...own });
}
