import { describe, expect, it } from '@jest/globals';
import { createFakeRedis } from '../support/fakeRedis.ts';
import { customer, entitlement } from '../support/ids.ts';
import { answerStatus, answerWith, createTotals, tenantOf } from '../support/totals.ts';

const asked = { entitlementId: entitlement, customerId: customer };
const freshness = { maxAgeMs: 30_000, staleWhileRevalidateMs: 60_000, staleIfErrorMs: 3_600_000 };

describe('a total in Redis that could not be deleted when Zenskar rejected its request', () => {
  it.each([0, 10_001])('is not served after %i further such requests of other tenants', async (others) => {
    const clock = { nowMs: 1_000_000, jumpedMs: 0 };
    const link = createFakeRedis(() => clock.nowMs).connect();
    let status = 200;
    const attempt = async (parameters: typeof asked & { startDate: null; endDate: null }) =>
      status === 200 ? answerWith(parameters, 1) : answerStatus(status);
    const { load } = await createTotals(attempt as never, freshness, { redis: link, clock });
    const victim = tenantOf('victim');
    await link.probe();
    expect(await load(asked, victim)).toMatchObject({ quantity: 1 });
    clock.nowMs += 91_000;
    link.setState('down');
    status = 404;
    expect(await load(asked, victim)).toMatchObject({ code: 'NOT_FOUND' });
    for (let n = 0; n < others; n += 1) await load(asked, tenantOf(`other ${n}`));
    link.setState('up');
    status = 503;
    expect(await load(asked, victim)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });
});
