import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toTotalKey } from '../../src/totals/total.ts';
import { customer, entitlement } from '../support/ids.ts';
import { tenantOf } from '../support/totals.ts';

const ids = { entitlementId: entitlement, customerId: customer };

const { scope } = tenantOf('one');

describe('the key of a total', () => {
  it('has the tenant, the canonical ids, and null for a missing date', () => {
    expect(toTotalKey(scope, ids)).toEqual({
      ...{ scope, ...ids, startDate: null, endDate: null },
      text: `${scope}/${customer}/${entitlement}//`,
    });
    expect(toTotalKey(scope, { ...ids, startDate: 0, endDate: null })).toEqual({
      ...{ scope, ...ids, startDate: 0, endDate: null },
      text: `${scope}/${customer}/${entitlement}/0/`,
    });
  });

  it('accepts a window of no length and every date between the years 1 and 9999', () => {
    expect(toTotalKey(scope, { ...ids, startDate: 5, endDate: 5 })).toMatchObject({
      startDate: 5,
      endDate: 5,
    });
    const widest = { startDate: -62_135_596_800, endDate: 253_402_300_799 };
    expect(toTotalKey(scope, { ...ids, ...widest })).toMatchObject(widest);
  });

  it.each([
    [{ startDate: 2, endDate: 1 }, 'startDate is after endDate'],
    [{ startDate: -62_135_596_801 }, 'startDate is no date in Unix seconds'],
    [{ endDate: 253_402_300_800 }, 'endDate is no date in Unix seconds'],
  ])('is rejected with BAD_USER_INPUT for %j', (dates, msg) => {
    const argument = msg.split(' ')[0];
    expect(() => toTotalKey(scope, { ...ids, ...dates })).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        message: `${msg}.`,
        validationErrors: [{ loc: [argument], msg, type: 'date', argument }],
      }),
    );
  });

  it('has equal texts for equal totals of one tenant and for no others', () => {
    const date = fc.option(fc.integer({ min: -10, max: 10 }));
    const id = fc.constantFrom(entitlement, customer);
    const asked = fc
      .record({ entitlementId: id, customerId: id, startDate: date, endDate: date })
      .filter(({ startDate, endDate }) => startDate === null || endDate === null || startDate <= endDate);
    const owned = fc.record({ tenant: fc.constantFrom(scope, tenantOf('other').scope), asked });
    fc.assert(
      fc.property(owned, owned, (a, b) => {
        const isSame = toTotalKey(a.tenant, a.asked).text === toTotalKey(b.tenant, b.asked).text;
        expect(isSame).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
