import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCacheKey, toKeyText } from '../../src/totals/key.ts';
import { toTotalKey } from '../../src/totals/total.ts';
import { customer, entitlement } from '../support/ids.ts';
import { tenantOf } from '../support/totals.ts';

const ids = { entitlementId: entitlement, customerId: customer };

const { scope } = tenantOf('one');

describe('the key of a total', () => {
  it('has null for a date that is not given', () => {
    expect(toTotalKey(ids)).toEqual({ ...ids, startDate: null, endDate: null });
    expect(toTotalKey({ ...ids, startDate: 0, endDate: null })).toEqual({
      ...ids,
      startDate: 0,
      endDate: null,
    });
  });

  it('takes a window of no length and every date that a calendar knows', () => {
    expect(toTotalKey({ ...ids, startDate: 5, endDate: 5 })).toMatchObject({ startDate: 5, endDate: 5 });
    const widest = { startDate: -62_135_596_800, endDate: 253_402_300_799 };
    expect(toTotalKey({ ...ids, ...widest })).toMatchObject(widest);
  });

  it.each([
    [{ startDate: 2, endDate: 1 }, 'startDate is after endDate'],
    [{ startDate: -62_135_596_801 }, 'startDate is no date in Unix seconds'],
    [{ endDate: 253_402_300_800 }, 'endDate is no date in Unix seconds'],
  ])('is refused for %j', (dates, msg) => {
    const argument = msg.split(' ')[0];
    expect(() => toTotalKey({ ...ids, ...dates })).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        message: `${msg}.`,
        validationErrors: [{ loc: [argument], msg, type: 'date', argument }],
      }),
    );
  });

  it('has equal texts for equal keys and for no others', () => {
    const date = fc.option(fc.integer({ min: -100, max: 100 }));
    const key = fc.record({
      entitlementId: fc.constantFrom(entitlement, customer),
      customerId: fc.constantFrom(entitlement, customer),
      startDate: date,
      endDate: date,
    });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const isSame = toKeyText(createCacheKey(scope, a)) === toKeyText(createCacheKey(scope, b));
        expect(isSame).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
