import { describe, expect, it } from '@jest/globals';
import { readClaims } from '../../src/auth/claims.ts';
import { customer, idOf } from '../support/ids.ts';

const names = { customerClaim: 'customer_id', allCustomersScope: 'entitlements:read:all' };
const read = (payload: object) => readClaims(JSON.parse(JSON.stringify(payload)), names);

describe('the claims of a token', () => {
  it.each<[string, object]>([
    ['one id', { customer_id: customer }],
    ['a list of ids', { customer_id: [idOf(1), customer] }],
    ['an id in capitals', { customer_id: customer.toUpperCase() }],
    ['an id in braces', { customer_id: `{${customer}}` }],
    ['an id beside what is none', { customer_id: [7, null, customer, {}, 'x'] }],
    ['the scope for all', { scope: 'entitlements:read:all' }],
    ['the scope for all among others', { scope: 'openid entitlements:read:all email' }],
    ['the scope for all in a list', { scope: ['openid', 'entitlements:read:all'] }],
    ['the scope for all as scp', { scp: ['entitlements:read:all'] }],
  ])('let the caller see its customer by %s', (_, payload) => {
    expect(read(payload).maySee(customer)).toBe(true);
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['null', { customer_id: null }],
    ['an empty text', { customer_id: '' }],
    ['an empty list', { customer_id: [] }],
    ['another id', { customer_id: idOf(1) }],
    ['true', { customer_id: true }],
    ['a number', { customer_id: 33_333_333 }],
    ['a star', { customer_id: '*' }],
    ['ids in one text', { customer_id: `${idOf(1)},${customer}` }],
    ['an id with more behind it', { customer_id: `${customer}0` }],
    ['an id and a line break', { customer_id: `${customer}\n` }],
    ['a list in a list', { customer_id: [[customer]] }],
    ['an object', { customer_id: { 0: customer, length: 1 } }],
    ['a claim of another name', { customer_ids: customer, 'customer-id': customer }],
    ['a scope that only begins like it', { scope: 'entitlements:read:all2' }],
    ['a scope that only ends like it', { scope: 'no-entitlements:read:all' }],
    ['a scope in other letters', { scope: 'ENTITLEMENTS:READ:ALL' }],
    ['a part of the scope', { scope: 'entitlements:read' }],
    ['an object for a scope', { scope: { 'entitlements:read:all': true } }],
    ['a list of lists for a scope', { scope: [['entitlements:read:all']] }],
    ['scopes with commas', { scope: 'openid,entitlements:read:all' }],
  ])('let the caller see nothing by %s', (_, payload) => {
    expect(read(payload).maySee(customer)).toBe(false);
  });

  it('are those of the token itself, whatever the claim is called', () => {
    for (const customerClaim of ['__proto__', 'constructor', 'toString']) {
      const { maySee } = readClaims({}, { ...names, customerClaim });
      expect(maySee(customer)).toBe(false);
    }
    const claim = 'https://example.com/customers';
    expect(readClaims({ [claim]: customer }, { ...names, customerClaim: claim }).maySee(customer)).toBe(true);
  });

  it('name the caller by its subject, in a way that names nobody', () => {
    const { name } = read({ sub: 'somebody@example.com' });
    expect(name).toMatch(/^[\w-]{22}$/);
    expect(read({ sub: 'somebody@example.com', customer_id: customer }).name).toBe(name);
    expect(read({ sub: 'somebody else' }).name).not.toBe(name);
    expect(read({}).name).toBeUndefined();
    expect(read({ sub: 7 }).name).toBeUndefined();
  });
});
