import { describe, expect, it } from '@jest/globals';
import { readClaims } from '../../src/auth/claims.ts';
import { customer, idOf } from '../support/ids.ts';

const names = { customerClaim: 'customer_id', allCustomersScope: 'entitlements:read:all' };
const read = (payload: object) => readClaims(JSON.parse(JSON.stringify(payload)), names);

describe('readClaims', () => {
  it.each<[string, object]>([
    ['one id', { customer_id: customer }],
    ['a list of ids', { customer_id: [idOf(1), customer] }],
    ['an id in upper case', { customer_id: customer.toUpperCase() }],
    ['an id in braces', { customer_id: `{${customer}}` }],
    ['an id among values of other types', { customer_id: [7, null, customer, {}, 'x'] }],
    ['the scope for all customers', { scope: 'entitlements:read:all' }],
    ['the scope for all customers among others', { scope: 'openid entitlements:read:all email' }],
    ['the scope for all customers in a list', { scope: ['openid', 'entitlements:read:all'] }],
    ['the scope for all customers as scp', { scp: ['entitlements:read:all'] }],
  ])('lets the caller see its customer if the token has %s', (_, payload) => {
    expect(read(payload).maySee(customer)).toBe(true);
  });

  it.each<[string, object]>([
    ['no claims', {}],
    ['null', { customer_id: null }],
    ['an empty string', { customer_id: '' }],
    ['an empty list', { customer_id: [] }],
    ['another id', { customer_id: idOf(1) }],
    ['true', { customer_id: true }],
    ['a number', { customer_id: 33_333_333 }],
    ['an asterisk', { customer_id: '*' }],
    ['ids in one string', { customer_id: `${idOf(1)},${customer}` }],
    ['an id with a further digit', { customer_id: `${customer}0` }],
    ['an id followed by a line break', { customer_id: `${customer}\n` }],
    ['a list within a list', { customer_id: [[customer]] }],
    ['an object', { customer_id: { 0: customer, length: 1 } }],
    ['a claim of another name', { customer_ids: customer, 'customer-id': customer }],
    ['a scope that only starts with that for all customers', { scope: 'entitlements:read:all2' }],
    ['a scope that only ends with that for all customers', { scope: 'no-entitlements:read:all' }],
    ['the scope for all customers in upper case', { scope: 'ENTITLEMENTS:READ:ALL' }],
    ['a part of the scope for all customers', { scope: 'entitlements:read' }],
    ['an object as scope', { scope: { 'entitlements:read:all': true } }],
    ['a list of lists as scope', { scope: [['entitlements:read:all']] }],
    ['scopes separated by commas', { scope: 'openid,entitlements:read:all' }],
  ])('lets the caller see no customer if the token has %s', (_, payload) => {
    expect(read(payload).maySee(customer)).toBe(false);
  });

  it('reads only own properties of the payload, for any claim name', () => {
    for (const customerClaim of ['__proto__', 'constructor', 'toString']) {
      const { maySee } = readClaims({}, { ...names, customerClaim });
      expect(maySee(customer)).toBe(false);
    }
    const claim = 'https://example.com/customers';
    expect(readClaims({ [claim]: customer }, { ...names, customerClaim: claim }).maySee(customer)).toBe(true);
  });

  it('names the caller by a hash of its subject, equal for equal subjects', () => {
    const { name } = read({ sub: 'user@example.com' });
    expect(name).toMatch(/^[\w-]{22}$/);
    expect(read({ sub: 'user@example.com', customer_id: customer }).name).toBe(name);
    expect(read({ sub: 'another user' }).name).not.toBe(name);
    expect(read({}).name).toBeUndefined();
    expect(read({ sub: 7 }).name).toBeUndefined();
  });
});
