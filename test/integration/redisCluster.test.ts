import { afterAll, describe, expect, it } from '@jest/globals';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customerOf, entitlement, totalQuery } from '../support/ids.ts';
import { startLoad } from '../support/load.ts';
import { observeRedis, testChannel, useRedis } from '../support/observedRedis.ts';
import { describeIfInstalled, useServers } from '../support/redis.ts';
import { createRedisCluster, ownerOf, type RedisCluster } from '../support/redisCluster.ts';
import type { RedisServer } from '../support/redisServer.ts';

function useCluster(...options: Parameters<typeof createRedisCluster>): RedisCluster {
  const cluster = createRedisCluster(...options);
  useServers(cluster);
  return cluster;
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const increment = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

describeIfInstalled('a connection to a Redis Cluster', () => {
  describe('whose nodes all answer', () => {
    const cluster = useCluster();
    const ofOneUrl = useRedis(() => [cluster.nodes[0]?.url ?? '']);
    const ofAllUrls = useRedis(() => cluster.url.split(','));

    it('is found by the URL of one node, and reads and writes the keys of all nodes', async () => {
      for (const name of names) expect(await ofOneUrl.redis.set(name, name, 60_000)).toBe('OK');
      expect(await ofAllUrls.redis.mGet([...names, 'none'])).toEqual([...names, null]);
      for (const name of names) expect(await ofAllUrls.redis.del(name)).toBe(1);
      expect(await ofOneUrl.redis.get('a')).toBeNull();
    });

    it('runs scripts on all nodes, and delivers messages that are sent to any node', async () => {
      for (const { redis } of [ofOneUrl, ofAllUrls])
        for (const name of names) await redis.eval(increment, { keys: [`n${name}`], arguments: ['2'] });
      expect(await ofOneUrl.redis.mGet(names.map((name) => `n${name}`))).toEqual(names.map(() => '4'));
      for (let n = 0; n < 10; n += 1) await ofAllUrls.redis.publish(testChannel, `${n}`);
      await until(() => ofOneUrl.received.length === 10);
      // Messages that are sent to different nodes may change places.
      expect(new Set(ofOneUrl.received)).toEqual(new Set(Array.from({ length: 10 }, (_, n) => `${n}`)));
    });
  });

  describe('that closes the subscription', () => {
    const cluster = useCluster();
    const { state, hearing } = useRedis(() => cluster.url.split(','));

    it('delivers messages again, and reports that some may have been missed', async () => {
      hearing.length = 0;
      await cluster.sendToAll('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until(() => hearing.length > 0);
      expect(hearing.at(-1)).toBe(true);
      expect(state()).toBe('up');
    });
  });

  describe('with a password but no user', () => {
    const cluster = useCluster();
    const observed = observeRedis(() =>
      cluster.url.split(',').map((url) => url.replace('//', '//:s%40cret@')),
    );
    afterAll(() => observed.stop());

    it('is up', async () => {
      await cluster.sendToAll('CONFIG', 'SET', 'requirepass', 's@cret');
      observed.start();
      await observed.untilUp();
      expect(observed.reasons()).toEqual([]);
    });
  });

  describe('that loses a node without a replica', () => {
    const cluster = useCluster();
    const { state } = useRedis(() => cluster.url.split(','));

    it('is down until the node is back', async () => {
      const [, lost] = cluster.nodes as [RedisServer, RedisServer];
      await lost.kill();
      await until(() => state() === 'down');
      await lost.start();
      await until(() => state() === 'up');
    });
  });

  describe('that loses a node with a replica', () => {
    const cluster = useCluster({ replicas: 1 });
    const early = useRedis(() => cluster.url.split(','));
    const late = observeRedis(() => cluster.url.split(','));
    afterAll(() => late.stop());

    it('is up again after the failover, also if it was opened before it', async () => {
      await cluster.nodes[0]?.kill();
      late.start();
      await until(() => early.state() === 'down' && late.state() === 'down');
      await Promise.all([early.untilUp(), late.untilUp()]);
      for (const name of names) expect(await late.redis.set(name, name, 60_000)).toBe('OK');
      expect(await early.redis.mGet(names)).toEqual(names);
    });
  });
});

describeIfInstalled('gateways on a Redis Cluster under load', () => {
  const cluster = useCluster({ replicas: 1 });
  const gateways = useReplicas(2, () => ({ REDIS_URL: cluster.url, CACHE_MAX_AGE_SECONDS: '1' }));
  const customers = Array.from({ length: 20 }, (_, n) => customerOf(`${1000 + n}`));
  const options = { gateways, customers, perSecond: 100, maxAgeMs: 61_000 };
  const untilUp = () => until(() => gateways.every(({ wholeLog }) => lastState(wholeLog) === 'up'));

  it('fail no operation while slots are moved to another node and back', async () => {
    await untilUp();
    const load = startLoad(options);
    await until(() => gateways.every(({ log }) => log.length > 100));
    const slots = new Set<number>();
    for (const key of await cluster.keys('*'))
      slots.add(Number(await cluster.nodes[0]?.command('CLUSTER', 'KEYSLOT', key)));
    for (const slot of [...slots].slice(0, 5)) {
      const from = ownerOf(slot, cluster.nodes);
      const to = cluster.nodes.slice(0, 3).find((node) => node !== from) as RedisServer;
      await cluster.migrate(slot, { from, to });
      await cluster.migrate(slot, { from: to, to: from });
    }
    const { failed, tooOld, operations } = await load.stop();
    expect({ failed, tooOld }).toEqual({ failed: [], tooOld: [] });
    expect(operations).toBeGreaterThan(0);
  });

  it('fail no operation while a node is killed and replaced by its replica, and share totals again', async () => {
    await untilUp();
    const load = startLoad(options);
    await cluster.nodes[1]?.kill();
    await until(() => gateways.every(({ log }) => log.some(({ state }) => state === 'down')));
    await untilUp();
    const { failed, tooOld } = await load.stop();
    expect({ failed, tooOld }).toEqual({ failed: [], tooOld: [] });
    for (let n = 0; !(await sharesTotal(customerOf(`${2000 + n}`))); n += 1);
  });

  /** Whether the second gateway finds in Redis what the first has fetched just now. */
  async function sharesTotal(customerId: string): Promise<boolean> {
    for (const gateway of gateways) await gateway.gql(totalQuery, { entitlementId: entitlement, customerId });
    const ended = gateways[1]?.log.findLast(({ msg }) => msg === 'operationEnded');
    return JSON.stringify(ended?.totals) === '{"redis":1}';
  }
});

function lastState(log: Gateway['log']): unknown {
  return log.findLast(({ msg }) => msg === 'redisChanged')?.state;
}
