import { afterAll, beforeAll, describe } from '@jest/globals';
import { createRedisCluster } from './redisCluster.ts';
import { createRedisServer, isRedisInstalled, type RedisServer, type TestRedis } from './redisServer.ts';

type Needs = { /** Whether the tests kill and freeze it, so that it must not be shared. */ own: boolean };

/**
 * Like `describe`, with a Redis: a private one, or that of `REDIS_URL` if none is installed. Without either, the tests are
 * skipped by name; with `CI=true` that is a failure.
 */
export function describeWithRedis(name: string, { own }: Needs, tests: (redis: RedisServer) => void): void {
  // biome-ignore lint/style/noProcessEnv: set by the developer or CI that runs the tests
  const shared = own || isRedisInstalled ? undefined : process.env.REDIS_URL;
  describeIfInstalled(
    name,
    () => {
      const redis = createRedisServer();
      if (shared === undefined) useServers(redis);
      else redis.url = shared;
      tests(redis);
    },
    isRedisInstalled || shared !== undefined,
  );
}

/** The same tests twice: on one server, and on a cluster of three. */
export function describeWithRedisOrCluster(name: string, tests: (redis: TestRedis) => void): void {
  describeWithRedis(name, { own: false }, tests);
  describeIfInstalled(`${name} (Redis Cluster)`, () => {
    const cluster = createRedisCluster();
    useServers(cluster);
    tests(cluster);
  });
}

/** Like `describe`, for tests that start servers of their own. */
export function describeIfInstalled(name: string, tests: () => void, isAvailable = isRedisInstalled): void {
  // biome-ignore lint/style/noProcessEnv: set by CI
  if (!isAvailable && process.env.CI === 'true') throw new Error('CI must have redis-server on its PATH.');
  // The reason for skipping: no Redis is installed.
  const describeOrSkip = isAvailable ? describe : describe.skip;
  describeOrSkip(name, tests);
}

type Started = { start: () => Promise<void>; remove: () => Promise<void> };

/** Starts them, one after the other, before the tests of this block, and removes them afterwards. */
export function useServers(...servers: Started[]): void {
  beforeAll(async () => {
    for (const { start } of servers) await start();
  });
  afterAll(async () => {
    for (const { remove } of servers) await remove();
  });
}
