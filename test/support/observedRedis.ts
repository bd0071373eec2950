import { afterAll, beforeAll } from '@jest/globals';
import * as library from '@redis/client';
import { createRedis, type Redis } from '../../src/redis/redis.ts';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { until } from './gateway.ts';

export type ObservedRedis = {
  /** Undefined until it is started. */
  redis: Redis;
  state: () => 'up' | 'refusing' | 'down' | undefined;
  /** Why it was not up, each time. */
  reasons: () => (string | undefined)[];
  /** The reported refused commands. */
  refusals: () => string[];
  hearing: boolean[];
  received: string[];
  start: () => void;
  stop: () => void;
  /** Resolves when it takes writes and receives messages. */
  untilUp: () => Promise<void>;
};

export const testChannel = 'zenskar-gateway:test';

/** A connection of the gateway that records what it reports. The URLs are read when it starts. */
export function observeRedis(urls: () => string[]): ObservedRedis {
  const events: GatewayEvent[] = [];
  const changes = () => events.flatMap((event) => (event.type === 'redisChanged' ? [event] : []));
  const observed: ObservedRedis = {
    redis: undefined as never,
    state: () => changes().at(-1)?.state,
    reasons: () => changes().flatMap(({ state, reason }) => (state === 'up' ? [] : [reason])),
    refusals: () => events.flatMap((event) => (event.type === 'redisRefused' ? [event.command] : [])),
    hearing: [],
    received: [],
    start() {
      const emit = (event: GatewayEvent) => events.push(event);
      const redis = createRedis(library, { urls: urls(), emit, monotonic: () => performance.now() });
      redis.subscribe(testChannel, (message) => observed.received.push(message));
      redis.observe({ onHearing: (isHearing) => observed.hearing.push(isHearing) });
      redis.start();
      observed.redis = redis;
    },
    stop: () => observed.redis.stop(),
    untilUp: () => until(() => observed.state() === 'up' && observed.hearing.at(-1) === true),
  };
  return observed;
}

/** The same, connected before the tests of this block and closed after them. */
export function useRedis(urls: () => string[]): ObservedRedis {
  const observed = observeRedis(urls);
  beforeAll(async () => {
    observed.start();
    await observed.untilUp();
  });
  afterAll(() => observed.stop());
  return observed;
}
