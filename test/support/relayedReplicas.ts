import { afterAll, beforeAll } from '@jest/globals';
import { type Gateway, useReplicas } from './gateway.ts';
import { type NumberedUpstream, startNumberedUpstream } from './numberedUpstream.ts';
import type { RedisServer } from './redisServer.ts';
import { type Relay, startRelay } from './relay.ts';

type RelayedReplicas = {
  gateways: [Gateway, Gateway, Gateway];
  /** From the start of the tests on, as `upstream`. */
  relays: [Relay, Relay, Relay];
  upstream: NumberedUpstream;
};

/** Three gateways on one Redis, each with its own way to it, before an upstream whose numbers grow. */
export function useRelayedReplicas(
  redis: RedisServer,
  environment: Readonly<Record<string, string>>,
): RelayedReplicas {
  const used = { relays: [] } as unknown as RelayedReplicas;
  beforeAll(async () => {
    used.upstream = await startNumberedUpstream();
    for (let n = 0; n < 3; n += 1) used.relays[n] = await startRelay(Number(new URL(redis.url).port));
  });
  let started = 0;
  used.gateways = useReplicas(3, () => {
    started += 1;
    const REDIS_URL = `redis://127.0.0.1:${used.relays[started - 1]?.port}`;
    return { ZENSKAR_URL: used.upstream.url, REDIS_URL, ...environment };
  }) as RelayedReplicas['gateways'];
  afterAll(() => {
    for (const relay of used.relays) relay.stop();
    used.upstream.stop();
  });
  return used;
}
