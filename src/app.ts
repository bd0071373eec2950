import { createAuthenticate } from './auth/authenticate.ts';
import { createRateLimiter } from './auth/rateLimiter.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { loadGraphiql } from './explorer/graphiql.ts';
import { sandboxOrigins } from './graphql/apollo.ts';
import { createPersistedQueries } from './graphql/persistedQueries.ts';
import { namesOf } from './graphql/safelist.ts';
import { createGraphQLServer, type GraphQLServer } from './graphql/server.ts';
import { createAdminListener, type Purge } from './http/admin.ts';
import { createFileRoute } from './http/router.ts';
import { type ConnectionLimits, createHttpServer } from './http/server.ts';
import { createPipeline } from './pipeline.ts';
import { loadRedis, type Redis } from './redis/redis.ts';
import { createRedisPauses } from './redisPauses.ts';
import { combine, type Emit } from './telemetry/events.ts';
import { createConfiguredLog } from './telemetry/log.ts';
import { createMetrics, type Samples } from './telemetry/metrics.ts';
import type { LogDestination } from './telemetry/stdout.ts';
import { loadTracing, type Tracing } from './telemetry/tracing.ts';
import { toFreshnessSettings } from './totals/freshness.ts';
import { createTotalSource } from './totals/source.ts';
import type { WorkerPauses } from './workerPauses.ts';
import { combineChannels } from './zenskar/pauseChannel.ts';
import { createPolicy, type Policy, toPolicySettings } from './zenskar/policy.ts';
import { loadZenskarClient } from './zenskar/tracedClient.ts';

export type Overrides = {
  clock?: Clock;
  logDestination?: LogDestination;
  connectionLimits?: Partial<ConnectionLimits>;
  /** Of a worker process: its primary has the admin listener, and passes pauses on. */
  primary?: WorkerPauses | undefined;
  /** Of the configuration; logged at the start. */
  warnings?: readonly string[];
};

export type App = {
  /** Listens; resolves to the base URLs of the main and the admin listener. */
  start: () => Promise<{ url: string; adminUrl: string | undefined }>;
  /** Waits for requests in flight, then frees everything. */
  stop: () => Promise<void>;
  /** Purges totals; false if Redis has not taken the purge yet. */
  purge: Purge;
  /** All metrics, as data. */
  readSamples: () => Promise<Samples>;
  /** For events of the process. */
  emit: Emit;
};

type Dependencies = Clock & {
  config: Config;
  emit: Emit;
  redis: Redis | undefined;
  primary: WorkerPauses | undefined;
  tracing: Tracing;
  connectionLimits: Partial<ConnectionLimits> | undefined;
};

/** Builds each part of the gateway once, from the inside out. */
export async function createApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const { clock = systemClock, logDestination, connectionLimits, primary, warnings = [] } = overrides;
  const operationNames = config.GRAPHQL_SAFELIST && namesOf(config.GRAPHQL_SAFELIST);
  const metrics = createMetrics({ config, operationNames, ...clock });
  const log = createConfiguredLog(config, { destination: logDestination, onDrop: metrics.countDroppedLine });
  const emit = combine(log, metrics.count);
  const redis = await loadRedis({ config, emit, ...clock });
  const tracing = await loadTracing({ config, emit, ...clock });
  const dependencies = { config, emit, redis, primary, tracing, connectionLimits, ...clock };

  const { client, policy } = await composePolicy(dependencies);
  const source = composeTotals(policy, dependencies);
  const graphql = createGraphQLServer({
    source,
    persistedQueries: createPersistedQueries(redis),
    ...dependencies,
  });
  const http = await composeMainListener(graphql, dependencies);
  const admin =
    primary === undefined
      ? createAdminListener({ purge: source.purge, readMetrics: metrics.read, ...dependencies })
      : undefined;

  async function start() {
    // Before requests, so that pauses are known that have begun meanwhile.
    primary?.start();
    redis?.start();
    await graphql.start();
    const adminUrl = await admin?.start();
    const url = await http.start();
    for (const reason of warnings) emit({ type: 'variableIgnored', reason });
    emit({ type: 'started', url, adminUrl, authMode: config.AUTH_MODE });
    return { url, adminUrl };
  }

  async function stop(): Promise<void> {
    await Promise.all([http.stop(), admin?.stop()]).then(graphql.stop);
    await source.flush();
    redis?.stop();
    client.close();
    await tracing.stop();
  }
  return { start, stop, purge: source.purge, readSamples: metrics.readSamples, emit };
}

async function composePolicy({ config, redis, primary, ...dependencies }: Dependencies) {
  const client = await loadZenskarClient(config);
  const pauseChannel = combineChannels([redis && createRedisPauses(redis, dependencies.monotonic), primary]);
  const settings = toPolicySettings(config);
  return { client, policy: createPolicy({ ...dependencies, client, pauseChannel, ...settings }) };
}

function composeTotals(policy: Policy, { config, ...dependencies }: Dependencies) {
  const freshness = toFreshnessSettings(config);
  return createTotalSource({ ...dependencies, policy, freshness, maxEntries: config.CACHE_MAX_ENTRIES });
}

async function composeMainListener(graphql: GraphQLServer, dependencies: Dependencies) {
  const { config } = dependencies;
  const graphiql = await loadGraphiql(config);
  const pipeline = createPipeline({
    graphql,
    page: graphiql?.page,
    authenticate: await createAuthenticate(dependencies),
    rateLimiter: await createRateLimiter({ pointsPerMinute: config.RATE_LIMIT_PER_MINUTE, ...dependencies }),
    ...dependencies,
  });
  const files = Array.from(graphiql?.files ?? [], ([path, file]) => [path, createFileRoute(file)] as const);
  const corsOrigins = [
    ...config.CORS_ORIGINS,
    ...(config.GRAPHQL_EXPLORER === 'sandbox' ? sandboxOrigins : []),
  ];
  const settings = {
    listener: 'main',
    routes: new Map([['/graphql', pipeline], ['/graphql/', pipeline], ...files]),
    corsOrigins,
  } as const;
  return createHttpServer(config.HOST, config.PORT, { ...dependencies, ...settings });
}
