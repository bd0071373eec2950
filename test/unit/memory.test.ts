import { describe, expect, it } from '@jest/globals';
import { createMemory } from '../../src/totals/memory.ts';
import { createPurges, type PurgeVersion } from '../../src/totals/purges.ts';
import { toTotalKey } from '../../src/totals/total.ts';
import { tenantOf } from '../support/totals.ts';

const { scope } = tenantOf('one');
const keyOf = (customerId: string) => toTotalKey(scope, { customerId, entitlementId: 'e' });
const key = keyOf('c');
const entry = (quantity: number, asOfMs: number) => ({ quantity, asOfMs, receivedAtMs: asOfMs });
const origin = { epoch: 0, version: undefined };
const names = (count: number, from = 0) => Array.from({ length: count }, (_, n) => String(from + n));

describe('the memory of totals', () => {
  it('evicts the least recently used entry when it is full', () => {
    const memory = createMemory(2, createPurges());
    for (const name of ['a', 'b']) memory.set(keyOf(name), entry(1, 1), origin);
    memory.get(keyOf('a'));
    memory.set(keyOf('c'), entry(1, 1), origin);
    expect(['a', 'b', 'c'].map((name) => memory.get(keyOf(name)) !== undefined)).toEqual([true, false, true]);
  });

  it('keeps the totals of one customer apart, and those of different tenants', () => {
    const memory = createMemory(100, createPurges());
    const totals = [null, 0, 7].flatMap((startDate) =>
      ['e', 'f'].map((entitlementId) => ({ customerId: 'c', entitlementId, startDate, endDate: null })),
    );
    const keys = [scope, tenantOf('other').scope].flatMap((tenant) =>
      totals.map((total) => toTotalKey(tenant, total)),
    );
    const quantities = () => keys.map((each) => memory.get(each)?.quantity);
    expect(quantities()).toEqual(keys.map(() => undefined));
    for (const [n, each] of keys.entries()) memory.set(each, entry(n, 1), origin);
    expect(quantities()).toEqual(keys.map((_, n) => n));
    for (const [n, each] of keys.entries()) memory.set(each, entry(-n, 2), origin);
    for (const each of keys.slice(0, 7)) memory.delete(each);
    expect(quantities()).toEqual(keys.map((_, n) => (n < 7 ? undefined : -n)));
    for (const [n, each] of keys.entries()) memory.set(each, entry(n, 3), origin);
    expect(quantities()).toEqual(keys.map((_, n) => n));
  });

  it('uses the places of deleted entries before it evicts others', () => {
    const memory = createMemory(100, createPurges());
    const count = () => names(200).filter((name) => memory.get(keyOf(name)) !== undefined).length;
    for (const name of names(100)) memory.set(keyOf(name), entry(1, 1), origin);
    for (const name of names(90)) memory.delete(keyOf(name));
    for (const name of names(90, 100)) memory.set(keyOf(name), entry(1, 1), origin);
    expect(count()).toBe(100);
    for (const name of names(10, 190)) memory.set(keyOf(name), entry(1, 1), origin);
    expect(count()).toBe(100);
  });

  it('stays within its bound when every entry was used', () => {
    const memory = createMemory(1000, createPurges());
    for (const name of names(1200)) {
      memory.set(keyOf(name), entry(1, 1), origin);
      memory.get(keyOf(name));
    }
    expect(names(1200).filter((name) => memory.get(keyOf(name)) !== undefined)).toHaveLength(1000);
    expect(memory.get(keyOf('1199'))).toBeDefined();
  });

  it('does not replace a newer number by an older one', () => {
    const memory = createMemory(2, createPurges());
    memory.set(key, entry(2, 20), origin);
    memory.set(key, entry(1, 10), origin);
    expect(memory.get(key)).toMatchObject({ quantity: 2, asOfMs: 20, receivedAtMs: 20 });
  });

  it('does not replace a number requested after a purge by one requested before it', () => {
    const purges = createPurges();
    const memory = createMemory(2, purges);
    purges.purge({ customerId: 'c' });
    memory.set(key, entry(2, 20), { epoch: purges.currentEpoch(), version: undefined });
    // It was requested first, and answered last.
    memory.set(key, entry(1, 30), origin);
    expect(memory.get(key)).toMatchObject({ quantity: 2, asOfMs: 20, receivedAtMs: 20 });
  });

  it('deletes an entry on a mark in Redis that differs from the one under which it was requested, or that it does not know', () => {
    const memory = createMemory(2, createPurges());
    const epochAfter = (version: PurgeVersion | undefined, read: PurgeVersion) => {
      memory.set(key, entry(1, 1), { epoch: 0, version });
      memory.verify(key, read, 1);
      return memory.get(key)?.epoch;
    };
    expect(epochAfter(['m', null], ['m', null])).toBe(1);
    expect(epochAfter(['m', null], ['n', null])).toBeUndefined();
    expect(epochAfter(['m', null], ['m', 'n'])).toBeUndefined();
    expect(epochAfter([null, null], [null, 'n'])).toBeUndefined();
    expect(epochAfter(undefined, ['m', null])).toBeUndefined();
    expect(epochAfter(undefined, [null, null])).toBe(1);
    // A mark that has expired says nothing.
    expect(epochAfter(['m', 'n'], ['m', null])).toBe(1);
  });

  it('keeps the later of two epochs at which the marks of an entry were compared', () => {
    const memory = createMemory(2, createPurges());
    memory.set(key, entry(1, 1), { epoch: 5, version: undefined });
    memory.verify(key, [null, null], 3);
    expect(memory.get(key)?.epoch).toBe(5);
  });

  it('replaces a purged number by an older one that was requested after the purge', () => {
    const purges = createPurges();
    const memory = createMemory(2, purges);
    memory.set(key, entry(1, 30), { epoch: purges.currentEpoch(), version: undefined });
    purges.purge({ customerId: 'c' });
    memory.set(key, entry(2, 20), { epoch: purges.currentEpoch(), version: undefined });
    expect(memory.get(key)).toMatchObject({ quantity: 2, asOfMs: 20, receivedAtMs: 20 });
  });
});
