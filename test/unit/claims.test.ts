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
    ['the scope for all customers in a string as scp', { scp: 'openid entitlements:read:all' }],
    ['the scope for all customers as permission', { permissions: ['entitlements:read:all'] }],
    [
      'the scope for all customers in one of several claims',
      { scope: 'openid', permissions: ['entitlements:read:all'] },
    ],
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

  const sees = (payload: string, customerClaim: string) =>
    readClaims(JSON.parse(payload), { ...names, customerClaim }).maySee(customer);

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'a.__proto__',
    '__proto__.a',
    'a.constructor.name',
    'constructor.a',
  ])('finds nothing by the claim name %s, also if the token has it', (customerClaim) => {
    expect(sees('{}', customerClaim)).toBe(false);
    const own = `{"__proto__":"${customer}","constructor":"${customer}","toString":"${customer}"}`;
    expect(sees(own, customerClaim)).toBe(false);
    const nested = `{"a":${own},"__proto__":{"a":"${customer}"},"constructor":{"a":"${customer}"}}`;
    expect(sees(nested, customerClaim)).toBe(false);
  });

  it.each<[string, string, object]>([
    ['a URL', 'https://example.com/customers', { 'https://example.com/customers': customer }],
    ['a name with dots', 'app.customer.ids', { 'app.customer.ids': [customer] }],
    ['a path', 'app_metadata.customer_ids', { app_metadata: { customer_ids: [customer] } }],
    ['a path of three names', 'a.b.c', { a: { b: { c: customer } } }],
    ['a path after a URL', 'https://example.com/app.ids', { 'https://example.com/app': { ids: customer } }],
    ['a name with dots within a path', 'a.b.c', { a: { 'b.c': customer } }],
    ['a name with dots before a path of the same text', 'a.b', { 'a.b': customer, a: { b: idOf(1) } }],
  ])('reads the customers from the claim that is %s', (_, customerClaim, payload) => {
    expect(sees(JSON.stringify(payload), customerClaim)).toBe(true);
    expect(sees(JSON.stringify(payload), `${customerClaim}x`)).toBe(false);
  });

  it.each<[string, string, object]>([
    ['ends at a string', 'a.length', { a: customer }],
    ['leads through a list', 'a.0', { a: [customer] }],
    ['ends at an object', 'a', { a: { b: customer } }],
    ['is empty at its end', 'a.', { a: customer }],
    ['is replaced by a claim of the whole name', 'a.b', { 'a.b': null, a: { b: customer } }],
  ])('lets the caller see no customer if the path %s', (_, customerClaim, payload) => {
    expect(sees(JSON.stringify(payload), customerClaim)).toBe(false);
  });

  it('reads a claim name with 60 dots that no token has, without trying all its parts', () => {
    const startedMs = performance.now();
    expect(sees(JSON.stringify({ a: { a: {} } }), `a${'.a'.repeat(60)}`)).toBe(false);
    // Trying all parts would take years.
    expect(performance.now() - startedMs).toBeLessThan(10_000);
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
