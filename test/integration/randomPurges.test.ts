import { expect, it } from '@jest/globals';
import { createClient } from '@redis/client';
import type { Gateway } from '../support/gateway.ts';
import { idOf } from '../support/ids.ts';
import { describeWithRedis } from '../support/redis.ts';
import { useRelayedReplicas } from '../support/relayedReplicas.ts';

const token = 'purge-token-0123456789';
const query = `query ($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(entitlementId: $entitlementId, customerId: $customerId) { quantity stale }
}`;
/** Within this time a purge holds on every replica. */
const deliveryMs = 2000;
const rounds = 5;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item;

type Target = { customerId: string; entitlementId?: string };
type Asked = Required<Target>;
type Purged = {
  target: Target;
  /** The last number that the upstream gave before it. */
  floor: number;
  /** From then on, every replica must know of it. */
  holdsFromMs: number;
};

const totals: Asked[] = [10, 20].flatMap((customer) =>
  [1, 2, 3].map((n) => ({ customerId: idOf(customer), entitlementId: idOf(n) })),
);
const covers = (target: Target, { customerId, entitlementId }: Asked) =>
  target.customerId === customerId && (target.entitlementId ?? entitlementId) === entitlementId;

describeWithRedis('random purges through three replicas', { own: true }, (redis) => {
  const fleet = useRelayedReplicas(redis, { PURGE_TOKEN: token });
  const replicas = fleet.gateways;
  const configure = async (...words: string[]) => {
    const client = createClient({ url: redis.url });
    await client.on('error', () => {}).connect();
    await client.sendCommand(['CONFIG', 'SET', ...words]);
    client.destroy();
  };

  /** Disturbs Redis, and undoes it. A Redis that restarts is empty, so no replica is cut off at the same time. */
  const faults: Record<string, () => Promise<void>> = {
    async freezes() {
      redis.freeze();
      await sleep(1500);
      redis.resume();
    },
    async restarts() {
      await redis.kill();
      await sleep(800);
      await redis.start();
    },
    async refusesWrites() {
      await configure('maxmemory', '1');
      await sleep(1500);
      await configure('maxmemory', '0');
    },
    async isCutOffFromOne() {
      const relay = pick(fleet.relays);
      relay.cut();
      await sleep(2500);
      relay.restore();
    },
    async isSilentForOne() {
      const relay = pick(fleet.relays);
      relay.hang();
      await sleep(2500);
      relay.restore();
    },
  };

  const purges: Purged[] = [];
  const wrong: object[] = [];
  const seen = { fresh: 0, stale: 0, done: 0, pending: 0 };

  /** `areWell`: all replicas reach Redis, so no stale answer may be older than a purge either. */
  async function ask(replica: Gateway, asked: Asked, areWell = false): Promise<void> {
    const atMs = performance.now();
    const known = purges.filter(({ target, holdsFromMs }) => holdsFromMs <= atMs && covers(target, asked));
    const { body } = await replica.gql(query, asked);
    const { quantity, stale } = body.data.customerEntitlementTotal;
    seen[stale ? 'stale' : 'fresh'] += 1;
    const late = known.filter(({ floor }) => quantity <= floor);
    if (late.length > 0 && (!stale || areWell)) wrong.push({ asked, quantity, stale, atMs, late });
  }

  async function purge(replica: Gateway): Promise<void> {
    const { customerId, entitlementId } = pick(totals);
    const target = Math.random() < 0.3 ? { customerId } : { customerId, entitlementId };
    const floor = fleet.upstream.last;
    const { status } = await fetch(`${replica.adminUrl}/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(target),
    });
    seen[status === 204 ? 'done' : 'pending'] += 1;
    const holdsFromMs = status === 204 ? performance.now() + deliveryMs : Number.POSITIVE_INFINITY;
    purges.push({ target, floor, holdsFromMs });
  }

  const pendingOf = async (replica: Gateway) => {
    const metrics = await (await fetch(`${replica.adminUrl}/metrics`)).text();
    return Number(/^purges_pending (\d+)$/m.exec(metrics)?.[1]);
  };
  const untilDelivered = async () => {
    for (const replica of replicas) while ((await pendingOf(replica)) > 0) await sleep(20);
  };

  it('are never followed by an older number, except as stale from a replica that is cut off, while Redis fails in every way', async () => {
    fleet.upstream.delayMs = () => (Math.random() < 0.2 ? Math.random() * 300 : 0);
    for (const replica of replicas)
      while (replica.wholeLog.every(({ state }) => state !== 'up')) await sleep(20);
    for (let round = 0; round < rounds; round += 1) {
      const disturb = Object.values(faults)[round % rounds] as () => Promise<void>;
      const end = new AbortController();
      const load = async () => {
        while (!end.signal.aborted) {
          await (Math.random() < 0.1 ? purge(pick(replicas)) : ask(pick(replicas), pick(totals)));
          await sleep(Math.random() * 40);
        }
      };
      const running = Promise.all(Array.from({ length: 4 }, load));
      await sleep(300);
      await disturb();
      end.abort();
      await running;
      await untilDelivered();
      const deliveredAtMs = performance.now();
      for (const each of purges) each.holdsFromMs = Math.min(each.holdsFromMs, deliveredAtMs + deliveryMs);
      await sleep(deliveryMs);
      for (const replica of replicas) for (const total of totals) await ask(replica, total, true);
    }
    expect(wrong).toEqual([]);
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5);
  }, 120_000);
});
