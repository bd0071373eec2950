import { describe, expect, it } from '@jest/globals';
import { decodeTotal } from '../../src/zenskar/totalBody.ts';
import { customer, entitlement } from '../support/ids.ts';

const parameters = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };
const decode = (rest: object) => decodeTotal(JSON.stringify({ entitlement, customer, ...rest }), parameters);

describe('decodeTotal', () => {
  it.each([0, -3, 45.2, 1e21, 5e-324])('decodes the quantity %d', (quantity) => {
    expect(decode({ quantity })).toMatchObject({ ok: true, quantity });
  });

  it.each([
    ['1000.50', 1000.5],
    ['-7', -7],
    ['1E+21', 1e21],
  ])('decodes the numeric string %s as its number', (quantity, expected) => {
    expect(decode({ quantity })).toEqual({
      ok: true,
      quantity: expected,
      drift: expected === 1e21 ? ['inexact_number'] : [],
    });
  });

  it('decodes a null or absent quantity as null', () => {
    expect(decode({ quantity: null })).toEqual({ ok: true, quantity: null, drift: [] });
    expect(decode({})).toEqual({ ok: true, quantity: null, drift: ['missing_field'] });
  });

  it('accepts upper-case ids and unknown fields', () => {
    const body = {
      entitlement: entitlement.toUpperCase(),
      customer: customer.toUpperCase(),
      quantity: 1,
      unit: 'x',
    };
    expect(decodeTotal(JSON.stringify(body), parameters)).toEqual({
      ok: true,
      quantity: 1,
      drift: ['unknown_field'],
    });
  });

  it.each([['', true, [], {}, 'many', '', ' 5', '0x10', '1e999', 'Infinity', 'NaN']])(
    'rejects a quantity of any other type or form',
    (...quantities) => {
      for (const quantity of quantities) {
        expect(decode({ quantity })).toEqual({ ok: false, problem: expect.stringMatching(/quantity/) });
      }
    },
  );

  it.each(['', 'null', '[]', '7', '{', '<html>', '{"quantity":1}', '{"quantity":1e999}'])(
    'rejects the body %j',
    (body) => {
      expect(decodeTotal(body, parameters)).toEqual({ ok: false, problem: expect.any(String) });
    },
  );

  it('rejects a total of another customer or entitlement', () => {
    const problem = 'the answer is about another entitlement or customer';
    expect(decode({ customer: entitlement, quantity: 1 })).toEqual({ ok: false, problem });
    expect(decode({ entitlement: customer, quantity: 1 })).toEqual({ ok: false, problem });
  });

  const dashless = (text: string) => text.replaceAll('-', '');
  it.each([
    ['undashed', dashless],
    ['braced', (text: string) => `{${text}}`],
    ['upper-case', (text: string) => text.toUpperCase()],
    ['as a URN', (text: string) => `urn:uuid:${text}`],
    ['as an upper-case URN', (text: string) => `urn:uuid:${text}`.toUpperCase()],
  ])('takes ids that Zenskar echoes %s for the requested ones', (_, spell) => {
    const body = { entitlement: spell(entitlement), customer: spell(customer), quantity: 1 };
    expect(decodeTotal(JSON.stringify(body), parameters)).toEqual({ ok: true, quantity: 1, drift: [] });
  });

  it.each([
    ['9007199254740993', 9007199254740992],
    ['9007199254740994', 9007199254740994],
    ['-9007199254740993', -9007199254740992],
    ['0.12345678901234567890', 0.12345678901234568],
    ['123456789.12345678912', 123456789.12345679],
    ['1e-400', 0],
    ['"9007199254740993"', 9007199254740992],
    ['"0.1000000000000000055511151231257827"', 0.1],
  ])(
    'answers the quantity %s, of which a number loses digits, and reports it as inexact',
    (text, quantity) => {
      const body = `{"other":{"quantity":1},"entitlement":"${entitlement}","customer":"${customer}","quantity": ${text}}`;
      expect(decodeTotal(body, parameters)).toEqual({
        ok: true,
        quantity,
        drift: ['unknown_field', 'inexact_number'],
      });
    },
  );

  it.each(['0', '-0', '0.0', '1000.50', '1e3', '12.5E+1', '9007199254740992', '5e-324', '0.1', '"007.10"'])(
    'does not report the quantity %s as inexact',
    (text) => {
      const body = `{"quantity":${text},"entitlement":"${entitlement}","customer":"${customer}"}`;
      expect(decodeTotal(body, parameters)).toMatchObject({ ok: true, drift: [] });
    },
  );
});
