import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type RedisClientType } from '@redis/client';
import { createTenant } from '../../src/auth/tenant.ts';
import { type Gateway, useReplicas } from '../support/gateway.ts';
import { apiKey, customer, entitlement, idOf, organisation } from '../support/ids.ts';
import { type NumberedUpstream, startNumberedUpstream } from '../support/numberedUpstream.ts';
import { describeWithRedis } from '../support/redis.ts';

const token = 'purge-token-0123456789';
const query = `query ($customerId: UUID!) {
  customerEntitlementTotal(entitlementId: "${entitlement}", customerId: $customerId) { quantity }
}`;

describeWithRedis('replicas of this release beside the release before it', { own: true }, (redis) => {
  let upstream: NumberedUpstream;
  /** Does what release 0.1 does, written out. */
  let old: RedisClientType;
  let oldSubscriber: RedisClientType;
  const oldMessages: string[] = [];
  beforeAll(async () => {
    upstream = await startNumberedUpstream();
    old = createClient({ url: redis.url });
    oldSubscriber = createClient({ url: redis.url });
    for (const client of [old, oldSubscriber]) await client.on('error', () => {}).connect();
    await oldSubscriber.subscribe('zenskar-gateway:1:purge', (message) => oldMessages.push(message));
  });
  const replicas = useReplicas(2, () => ({
    ZENSKAR_URL: upstream.url,
    REDIS_URL: redis.url,
    PURGE_TOKEN: token,
  })) as [Gateway, Gateway];
  const [one] = replicas;
  afterAll(() => {
    old.destroy();
    oldSubscriber.destroy();
    upstream.stop();
  });

  const ask = async (gateway: Gateway, customerId = customer): Promise<number> => {
    const { body } = await gateway.gql(query, { customerId });
    return body.data.customerEntitlementTotal.quantity;
  };
  const purge = (target: object) =>
    fetch(`${one.adminUrl}/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(target),
    });
  const connected = async () => {
    while ((await purge({ customerId: idOf(1) })).status !== 204);
    while (oldMessages.length === 0) await old.ping();
    oldMessages.length = 0;
  };

  it('do not read the entries of the other release, and write none that it reads', async () => {
    await connected();
    const { scope } = createTenant({ apiKey, organisation, url: upstream.url, apiVersion: undefined });
    const oldEntry = `zenskar-gateway:1:total:${scope}/${customer}/${entitlement}//`;
    await old.set(oldEntry, JSON.stringify([-7, one.now(), null, null]));
    expect(await ask(one)).toBeGreaterThan(0);
    await purge({ customerId: idOf(1) });
    expect(await old.keys('*:total:*')).toEqual(
      expect.arrayContaining([oldEntry, `zenskar-gateway:2:{${customer}}:total:${scope}/${entitlement}//`]),
    );
  });

  it('send a purge in both forms', async () => {
    await connected();
    expect((await purge({ customerId: customer })).status).toBe(204);
    expect((await purge({ customerId: customer, entitlementId: entitlement })).status).toBe(204);
    const marks = [
      `zenskar-gateway:1:purged:${customer}`,
      `zenskar-gateway:1:purged:${customer}/${entitlement}`,
      `zenskar-gateway:2:{${customer}}:purged`,
      `zenskar-gateway:2:{${customer}}:purged:${entitlement}`,
    ];
    expect(await old.mGet(marks)).toEqual(marks.map(() => expect.stringMatching(/^[0-9a-f-]{36}$/)));
    while (oldMessages.length < 2) await old.ping();
    expect(oldMessages.map((message) => JSON.parse(message))).toEqual([
      { customerId: customer, from: expect.any(String), release: 2 },
      { customerId: customer, entitlementId: entitlement, from: expect.any(String), release: 2 },
    ]);
  });

  it('make a purge of the other release their own, which also voids the entries in Redis', async () => {
    await connected();
    const before = await Promise.all(replicas.map((replica) => ask(replica)));
    const other = await Promise.all(replicas.map((replica) => ask(replica, idOf(2))));
    const mark = `zenskar-gateway:2:{${customer}}:purged`;
    const markBefore = await old.get(mark);
    await old.set(`zenskar-gateway:1:purged:${customer}`, 'a random mark', {
      expiration: { type: 'PX', value: 60_000 },
    });
    await old.publish('zenskar-gateway:1:purge', JSON.stringify({ customerId: customer, from: 'a replica' }));
    for (const replica of replicas) while ((await ask(replica)) <= Math.max(...before)) await old.ping();
    while ((await old.get(mark)) === markBefore) await old.ping();
    expect(await Promise.all(replicas.map((replica) => ask(replica, idOf(2))))).toEqual(other);
    // Those of this release do not purge again because of each other.
    expect(oldMessages.length).toBeLessThanOrEqual(1 + replicas.length);
  });
});
