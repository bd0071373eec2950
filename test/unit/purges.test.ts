import { describe, expect, it } from '@jest/globals';
import { createPurges } from '../../src/totals/purges.ts';

const pairOf = (customerId: string, entitlementId: string) => ({ customerId, entitlementId });

describe('a purge', () => {
  it('hits numbers requested before it, and none requested later', () => {
    const purges = createPurges();
    const before = purges.currentEpoch();
    purges.purge({ customerId: 'c1' });
    const after = purges.currentEpoch();
    expect(purges.isPurged(pairOf('c1', 'e1'), before)).toBe(true);
    expect(purges.isPurged(pairOf('c1', 'e1'), after)).toBe(false);
    expect(purges.isPurged(pairOf('c2', 'e1'), before)).toBe(false);
  });

  it('of one entitlement of a customer hits no other entitlement and no other customer', () => {
    const purges = createPurges();
    const before = purges.currentEpoch();
    purges.purge({ customerId: 'c1', entitlementId: 'e1' });
    expect(purges.isPurged(pairOf('c1', 'e1'), before)).toBe(true);
    expect(purges.isPurged(pairOf('c1', 'e2'), before)).toBe(false);
    expect(purges.isPurged(pairOf('e1', 'c1'), before)).toBe(false);
  });

  it('still counts after more purges of other customers than are remembered', () => {
    const purges = createPurges({ maxRemembered: 10 });
    const before = purges.currentEpoch();
    purges.purge({ customerId: 'c0' });
    for (let n = 1; n <= 10; n += 1) purges.purge({ customerId: `c${n}` });
    expect(purges.isPurged(pairOf('c0', 'e'), before)).toBe(true);
    const recent = purges.currentEpoch();
    expect(purges.isPurged(pairOf('c5', 'e'), recent)).toBe(false);
  });

  it('message that may have been missed makes older entries suspect, but not purged', () => {
    const purges = createPurges();
    const before = purges.currentEpoch();
    purges.markMissedPurges();
    expect(purges.mayHaveMissedPurge(before, 0)).toBe(true);
    expect(purges.isBeforeMissedPurges(before)).toBe(true);
    expect(purges.mayHaveMissedPurge(purges.currentEpoch(), 0)).toBe(false);
    expect(purges.isPurged(pairOf('c', 'e'), before)).toBe(false);
  });

  it('may have been missed by any entry while messages are not received', () => {
    const purges = createPurges({ hearsUntilMs: () => 10 });
    const epoch = purges.currentEpoch();
    expect([10, 11].map((nowMs) => purges.mayHaveMissedPurge(epoch, nowMs))).toEqual([false, true]);
    expect(purges.isBeforeMissedPurges(epoch)).toBe(false);
  });
});
