import { describe, expect, it } from '@jest/globals';
import { createPendingPurges, createPurges } from '../../src/totals/purges.ts';

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
    const purges = createPurges(10);
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
    expect(purges.mayHaveMissedPurge(before)).toBe(true);
    expect(purges.mayHaveMissedPurge(purges.currentEpoch())).toBe(false);
    expect(purges.isPurged(pairOf('c', 'e'), before)).toBe(false);
  });
});

describe('the pending purges', () => {
  it('contain a pair if it or its customer is pending', () => {
    const pending = createPendingPurges();
    expect(pending.has(pairOf('c1', 'e1'))).toBe(false);
    pending.add({ customerId: 'c1', entitlementId: 'e1' });
    pending.add({ customerId: 'c2' });
    expect([pairOf('c1', 'e1'), pairOf('c1', 'e2'), pairOf('c2', 'e2')].map(pending.has)).toEqual([
      true,
      false,
      true,
    ]);
    expect(pending.targets()).toEqual([{ customerId: 'c1', entitlementId: 'e1' }, { customerId: 'c2' }]);
    pending.delete({ customerId: 'c2' });
    expect(pending.has(pairOf('c2', 'e2'))).toBe(false);
  });

  it('are bounded: the oldest of more than 10,000 is dropped', () => {
    const pending = createPendingPurges();
    for (let n = 0; n <= 10_000; n += 1) pending.add({ customerId: `c${n}` });
    expect([
      pending.targets().length,
      pending.has(pairOf('c0', 'e')),
      pending.has(pairOf('c1', 'e')),
    ]).toEqual([10_000, false, true]);
  });
});
