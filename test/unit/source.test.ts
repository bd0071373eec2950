import { describe, expect, it } from '@jest/globals';
import { createFakeRedis } from '../support/fakeRedis.ts';
import { idOf } from '../support/ids.ts';
import { answerWith, createTotals, tenantOf } from '../support/totals.ts';

const tenant = tenantOf('one');
const asked = { customerId: idOf(1), entitlementId: idOf(2) };
const freshness = { maxAgeMs: 30_000, staleWhileRevalidateMs: 30_000, staleIfErrorMs: 30_000 };
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A replica that receives messages, and has one total in its memory. */
async function createReplica() {
  const clock = { nowMs: 1_000_000, jumpedMs: 0 };
  const redis = createFakeRedis(() => clock.nowMs);
  const link = redis.connect();
  const counts = { calls: 0, reads: 0 };
  let last = 0;
  const counted = {
    ...link,
    mGet: (keys: string[]) => {
      counts.reads += 1;
      return link.mGet(keys);
    },
  };
  const totals = await createTotals(
    async (parameters) => {
      counts.calls += 1;
      last += 1;
      return answerWith(parameters, last);
    },
    freshness,
    { redis: counted, clock },
  );
  const load = async (entitlementId = asked.entitlementId) => {
    const total = await totals.load({ ...asked, entitlementId }, tenant);
    await settle();
    if (total instanceof Error) throw total;
    return { quantity: total.quantity, stale: total.stale };
  };
  const wait = async (ms: number) => {
    clock.nowMs += ms;
    await link.probe();
    await settle();
  };
  await wait(500);
  await load();
  Object.assign(counts, { calls: 0, reads: 0 });
  return { clock, link, counts, load, wait };
}

describe('a total in memory', () => {
  it('is served without reading Redis while messages of purges are received', async () => {
    const { counts, load, wait } = await createReplica();
    for (let n = 0; n < 5; n += 1) {
      await wait(500);
      expect(await load()).toEqual({ quantity: 1, stale: false });
    }
    expect(counts).toEqual({ calls: 0, reads: 0 });
  });

  it('is compared with the marks in Redis by one read, in the request itself, if messages may have been missed', async () => {
    const { link, counts, load, wait } = await createReplica();
    link.setState('down');
    link.setState('up');
    await wait(500);
    for (let n = 0; n < 3; n += 1) expect(await load()).toEqual({ quantity: 1, stale: false });
    expect(counts).toEqual({ calls: 0, reads: 1 });
  });

  it('is compared at each request as long as Redis can be read, but delivers no messages', async () => {
    const { link, counts, load, wait } = await createReplica();
    link.setState('deaf');
    await wait(2000);
    for (let n = 0; n < 3; n += 1) expect(await load()).toEqual({ quantity: 1, stale: false });
    expect(counts).toEqual({ calls: 0, reads: 3 });
  });

  it('is served as stale while Redis cannot be read, and refreshed once behind the response', async () => {
    const { link, counts, load, wait } = await createReplica();
    link.setState('down');
    await wait(2000);
    expect(await load()).toEqual({ quantity: 1, stale: true });
    for (let n = 0; n < 3; n += 1) expect(await load()).toEqual({ quantity: 2, stale: true });
    expect(counts.calls).toBe(1);
  });

  it('is stale for a request that joins a call of another one while messages cannot be received', async () => {
    const { link, load, wait } = await createReplica();
    link.setState('down');
    await wait(2000);
    expect(await Promise.all([load(idOf(3)), load(idOf(3))])).toEqual([
      { quantity: 2, stale: false },
      { quantity: 2, stale: true },
    ]);
  });

  it('is suspect at once in a process that was stopped longer than a replica may be silent', async () => {
    const { clock, counts, load } = await createReplica();
    // No timer of this process has run since.
    clock.nowMs += 1300;
    expect(await load()).toEqual({ quantity: 1, stale: false });
    expect(counts.reads).toBe(1);
  });
});
