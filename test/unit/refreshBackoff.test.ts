import { describe, expect, it } from '@jest/globals';
import { createRefreshBackoff } from '../../src/totals/refreshBackoff.ts';
import { toTotalKey } from '../../src/totals/total.ts';
import { customer, idOf } from '../support/ids.ts';
import { tenantOf } from '../support/totals.ts';

const { scope } = tenantOf('one');
const keyOf = (n: number) => toTotalKey(scope, { entitlementId: idOf(n), customerId: customer });

function create(maxEntries = 10) {
  const clock = { nowMs: 1_000_000 };
  let skipped = 0;
  const onSkip = () => {
    skipped += 1;
  };
  const backoff = createRefreshBackoff({ maxEntries, monotonic: () => clock.nowMs, onSkip });
  /** Fails, and returns the time until a refresh is allowed. */
  function failAndMeasureMs(n: number): number {
    backoff.recordFailure(keyOf(n));
    const failedMs = clock.nowMs;
    while (!backoff.mayRefresh(keyOf(n))) clock.nowMs += 10;
    return clock.nowMs - failedMs;
  }
  return { backoff, clock, failAndMeasureMs, countSkipped: () => skipped };
}

describe('the backoff of refreshes', () => {
  it('doubles from one second to 30, of which half is random, and starts again after an answer', () => {
    const { backoff, failAndMeasureMs, countSkipped } = create();
    for (const longestMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
      const restMs = failAndMeasureMs(1);
      expect(restMs).toBeGreaterThanOrEqual(longestMs / 2);
      expect(restMs).toBeLessThanOrEqual(longestMs + 10);
    }
    expect(countSkipped()).toBeGreaterThan(1000);
    backoff.reset(keyOf(1));
    expect(failAndMeasureMs(1)).toBeLessThanOrEqual(1010);
  });

  it('starts again after a longer time without a failure', () => {
    const { clock, failAndMeasureMs } = create();
    for (let n = 0; n < 5; n += 1) failAndMeasureMs(1);
    clock.nowMs += 30_000;
    expect(failAndMeasureMs(1)).toBeLessThanOrEqual(1010);
  });

  it('keeps totals apart, and remembers a bounded number of them', () => {
    const { backoff } = create(10);
    for (let n = 0; n < 1000; n += 1) backoff.recordFailure(keyOf(n));
    const resting = Array.from({ length: 1001 }, (_, n) => n).filter((n) => !backoff.mayRefresh(keyOf(n)));
    expect(resting).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
  });
});
