import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { idOf } from '../support/ids.ts';
import { answerStatus, answerWith, createTotals, tenantOf } from '../support/totals.ts';

const tenants = { a: tenantOf('a'), b: tenantOf('b') };
const freshness = { maxAgeMs: 100, staleWhileRevalidateMs: 100, staleIfErrorMs: 100 };
const keyOf = (n: number) => ({
  entitlementId: idOf(n),
  customerId: idOf(9),
  startDate: null,
  endDate: null,
});

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('get' as const),
      tenant: fc.constantFrom('a', 'b'),
      key: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(150) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const), key: fc.nat(2) }) },
);

describe('two tenants with the same ids', () => {
  it('never see the numbers of the other tenant, in any order of answers, time and purges', async () => {
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(action, { maxLength: 30 }), async (scheduler, actions) => {
        let calls = 0;
        // Numbers are even for tenant a and odd for tenant b.
        const attempt = scheduler.scheduleFunction(
          async (parameters: Parameters<typeof answerWith>[0], tenant: object) => {
            calls += 1;
            return answerWith(parameters, calls * 2 + (tenant === tenants.a ? 0 : 1));
          },
        );
        const { clock, load, purge } = await createTotals(attempt, freshness);
        const loads: Promise<void>[] = [];
        for (const step of actions) {
          if (step.kind === 'get') {
            const isA = step.tenant === 'a';
            loads.push(
              load(keyOf(step.key), isA ? tenants.a : tenants.b).then((total) => {
                if (total instanceof Error) throw total;
                expect(Number(total.quantity) % 2).toBe(isA ? 0 : 1);
                answers += 1;
              }),
            );
          } else if (step.kind === 'advance') clock.nowMs += step.ms;
          else if (step.kind === 'purge') await purge({ customerId: idOf(9), entitlementId: idOf(step.key) });
          else await scheduler.waitIdle();
        }
        await scheduler.waitIdle();
        await Promise.all(loads);
      }),
      { numRuns: 1000 },
    );
    expect(answers).toBeGreaterThan(1000);
  }, 60_000);

  it('do not share a circuit: failures of one tenant do not stop the calls of the other', async () => {
    const { clock, load } = await createTotals(
      async (parameters, tenant) => (tenant === tenants.a ? answerStatus(503) : answerWith(parameters, 1)),
      freshness,
      { breakerFailures: 3 },
    );
    for (let n = 0; n < 10; n += 1) {
      expect(await load(keyOf(n), tenants.a)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
      expect(await load(keyOf(n), tenants.b)).toMatchObject({ quantity: 1 });
    }
    clock.nowMs += 50;
    expect(await load(keyOf(0), tenants.a)).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      upstreamStatus: undefined,
    });
  });

  it('do not share a rate-limit pause: a 429 for one tenant does not delay the other', async () => {
    const limited = {
      kind: 'answered',
      status: 429,
      body: '',
      headers: { retryAfter: '60', ids: {} },
    } as const;
    const { load } = await createTotals(
      async (parameters, tenant) => (tenant === tenants.a ? limited : answerWith(parameters, 1)),
      freshness,
    );
    expect(await load(keyOf(0), tenants.a)).toMatchObject({
      code: 'UPSTREAM_RATE_LIMITED',
      upstreamStatus: 429,
    });
    expect(await load(keyOf(1), tenants.a)).toMatchObject({
      code: 'UPSTREAM_RATE_LIMITED',
      upstreamStatus: undefined,
    });
    expect(await load(keyOf(0), tenants.b)).toMatchObject({ quantity: 1 });
  });
});
