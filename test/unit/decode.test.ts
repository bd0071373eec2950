import { describe, expect, it } from '@jest/globals';
import { decodeTotal } from '../../src/zenskar/decode.ts';
import { customer, entitlement } from '../support/ids.ts';

const asked = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };
const decode = (rest: object) => decodeTotal(JSON.stringify({ entitlement, customer, ...rest }), asked);

describe('the body of a 200', () => {
  it.each([0, -3, 45.2, 1e21, 5e-324])('gives the quantity %d', (quantity) => {
    expect(decode({ quantity })).toEqual({ ok: true, quantity });
  });

  it.each([
    ['1000.50', 1000.5],
    ['-7', -7],
    ['1E+21', 1e21],
  ])('gives the number of the text %s', (quantity, expected) => {
    expect(decode({ quantity })).toEqual({ ok: true, quantity: expected });
  });

  it('gives null where the quantity is null or absent', () => {
    expect(decode({ quantity: null })).toEqual({ ok: true, quantity: null });
    expect(decode({})).toEqual({ ok: true, quantity: null });
  });

  it('may spell the ids in upper case and say more than is known', () => {
    const body = {
      entitlement: entitlement.toUpperCase(),
      customer: customer.toUpperCase(),
      quantity: 1,
      unit: 'x',
    };
    expect(decodeTotal(JSON.stringify(body), asked)).toEqual({ ok: true, quantity: 1 });
  });

  it.each([['', true, [], {}, 'many', '', ' 5', '0x10', '1e999', 'Infinity', 'NaN']])(
    'is refused where the quantity is anything else',
    (...quantities) => {
      for (const quantity of quantities) {
        expect(decode({ quantity })).toEqual({ ok: false, problem: expect.stringMatching(/quantity/) });
      }
    },
  );

  it.each(['', 'null', '[]', '7', '{', '<html>', '{"quantity":1}', '{"quantity":1e999}'])(
    'is refused where it is %s',
    (body) => {
      expect(decodeTotal(body, asked)).toEqual({ ok: false, problem: expect.any(String) });
    },
  );

  it('is refused where it is about somebody else', () => {
    const problem = 'the answer is about another entitlement or customer';
    expect(decode({ customer: entitlement, quantity: 1 })).toEqual({ ok: false, problem });
    expect(decode({ entitlement: customer, quantity: 1 })).toEqual({ ok: false, problem });
  });
});
