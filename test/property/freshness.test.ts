import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../src/errors.ts';
import { maxFailureBackoffMs as longestBackoffMs } from '../../src/zenskar/retry.ts';
import { idOf } from '../support/ids.ts';
import { answerStatus, answerWith, createTotals, tenantOf } from '../support/totals.ts';

const tenant = tenantOf('one');
const keyOf = (n: number) => ({
  entitlementId: idOf(n),
  customerId: idOf(9),
  startDate: null,
  endDate: null,
});
const dayMs = 86_400_000;
const duration = fc.constantFrom(0, 20, 50, 100);
const settings = fc.record({
  maxAgeMs: duration,
  staleWhileRevalidateMs: duration,
  staleIfErrorMs: duration,
});

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get' as const), key: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(80) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -dayMs, max: dayMs }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('upstream' as const),
      status: fc.constantFrom(200, 200, 503, 429, 404, 422),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('purge' as const),
      key: fc.option(fc.nat(1), { nil: undefined }),
    }),
  },
);
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('for every sequence of requests, time, failures, purges and jumps of the wall clock', () => {
  it('a total is a number that the upstream gave at asOf, is no older than allowed, and is stale exactly when its freshness time is over', async () => {
    const seen = { fresh: 0, stale: 0, failed: 0 };
    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.array(action, { minLength: 15, maxLength: 60 }),
        async (freshness, actions) => {
          const { maxAgeMs, staleWhileRevalidateMs, staleIfErrorMs } = freshness;
          let status = 200;
          /** After a failure, the upstream is not called for a while. */
          let backoffUntilMs = 0;
          const rejected = new Set<string>();
          let lastNumber = 0;
          /** The time and key of each number that the upstream gave. */
          const given = new Map<number, { asOfMs: number; atMs: number; key: string }>();
          const { clock, load, purge } = await createTotals(async (parameters) => {
            if (status === 503 || status === 429) backoffUntilMs = clock.nowMs + longestBackoffMs;
            if (status === 404 || status === 422) rejected.add(parameters.entitlementId);
            if (status !== 200) return answerStatus(status);
            lastNumber += 1;
            const asOfMs = clock.nowMs + clock.jumpedMs;
            given.set(lastNumber, { asOfMs, atMs: clock.nowMs, key: parameters.entitlementId });
            return answerWith(parameters, lastNumber);
          }, freshness);
          /** The last number before the last purge or rejection of each key: no number up to it may be served again. */
          const forgotten = [0, 0];
          for (const step of actions) {
            if (step.kind === 'advance') clock.nowMs += step.ms;
            else if (step.kind === 'jump') clock.jumpedMs += step.ms;
            else if (step.kind === 'upstream') status = step.status;
            else if (step.kind === 'purge') {
              await purge({
                customerId: idOf(9),
                entitlementId: step.key === undefined ? undefined : idOf(step.key),
              });
              for (const n of [0, 1]) if (step.key === undefined || step.key === n) forgotten[n] = lastNumber;
            } else {
              const total = await load(keyOf(step.key), tenant);
              if (total instanceof Error) {
                seen.failed += 1;
                const isPaused = total instanceof AppError && total.code === 'UPSTREAM_RATE_LIMITED';
                if (!isPaused || clock.nowMs >= backoffUntilMs) expect(status).not.toBe(200);
              } else {
                const { atMs = Number.NaN } = given.get(Number(total.quantity)) ?? {};
                const ageMs = clock.nowMs - atMs;
                seen[total.stale ? 'stale' : 'fresh'] += 1;
                expect(given.get(Number(total.quantity))).toEqual({
                  asOfMs: total.asOfMs,
                  atMs,
                  key: idOf(step.key),
                });
                expect(total.quantity).toBeGreaterThan(forgotten[step.key] ?? 0);
                expect(total.stale).toBe(ageMs > 0 && ageMs >= maxAgeMs);
                const revalidateMs = maxAgeMs === 0 ? 0 : maxAgeMs + staleWhileRevalidateMs;
                const failureMs = maxAgeMs === 0 ? 0 : revalidateMs + staleIfErrorMs;
                if (ageMs > 0)
                  expect(ageMs).toBeLessThan(clock.nowMs < backoffUntilMs ? failureMs : revalidateMs);
              }
              // Background refreshes end before the next step; a rejection that they met counts.
              await settle();
              if (rejected.has(idOf(step.key))) forgotten[step.key] = lastNumber;
              rejected.clear();
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(500);
  }, 60_000);
});
