import { describe, expect, it } from '@jest/globals';
import { createTenant } from '../../src/auth/tenant.ts';
import { createCacheKey } from '../../src/totals/key.ts';
import { createPurges } from '../../src/totals/purges.ts';

const { scope } = createTenant({ apiKey: 'k', organisation: 'o', url: 'u', apiVersion: undefined });
const keyOf = (customerId: string, entitlementId: string) =>
  createCacheKey(scope, { customerId, entitlementId, startDate: null, endDate: null });

describe('a purge', () => {
  it('hits what was asked for before it, and nothing later', () => {
    const purges = createPurges();
    const before = purges.moment();
    purges.purge({ customerId: 'c1' });
    const after = purges.moment();
    expect(purges.isPurged(keyOf('c1', 'e1'), before)).toBe(true);
    expect(purges.isPurged(keyOf('c1', 'e1'), after)).toBe(false);
    expect(purges.isPurged(keyOf('c2', 'e1'), before)).toBe(false);
  });

  it('of a pair hits that pair alone', () => {
    const purges = createPurges();
    const before = purges.moment();
    purges.purge({ customerId: 'c1', entitlementId: 'e1' });
    expect(purges.isPurged(keyOf('c1', 'e1'), before)).toBe(true);
    expect(purges.isPurged(keyOf('c1', 'e2'), before)).toBe(false);
    expect(purges.isPurged(keyOf('e1', 'c1'), before)).toBe(false);
  });

  it('is not undone by later ones of others, however many', () => {
    const purges = createPurges(10);
    const before = purges.moment();
    purges.purge({ customerId: 'c0' });
    for (let n = 1; n <= 10; n += 1) purges.purge({ customerId: `c${n}` });
    expect(purges.isPurged(keyOf('c0', 'e'), before)).toBe(true);
    const recent = purges.moment();
    expect(purges.isPurged(keyOf('c5', 'e'), recent)).toBe(false);
  });

  it('that may have gone unheard makes what is older doubtful', () => {
    const purges = createPurges();
    const before = purges.moment();
    purges.doubt();
    expect(purges.isDoubtful(before)).toBe(true);
    expect(purges.isDoubtful(purges.moment())).toBe(false);
    expect(purges.isPurged(keyOf('c', 'e'), before)).toBe(false);
  });
});
