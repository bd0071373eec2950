import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createCacheKey, type Entry } from '../../src/totals/key.ts';
import { createMemory } from '../../src/totals/memory.ts';
import { createPurges } from '../../src/totals/purges.ts';
import { createFlights } from '../../src/totals/singleFlight.ts';
import { tenantOf } from '../support/totals.ts';

const { scope } = tenantOf('one');
const keyOf = (customerId: string) =>
  createCacheKey(scope, { customerId, entitlementId: 'e', startDate: null, endDate: null });
const key = keyOf('c');
const stays = { member: {}, span: noSpan, signal: new AbortController().signal };

describe('the memory', () => {
  const entry = (quantity: number, asOfMs: number) => ({ quantity, asOfMs });

  it('keeps as many entries as it may, the latest used', () => {
    const memory = createMemory(2, createPurges());
    for (const name of ['a', 'b']) memory.set(keyOf(name), entry(1, 1), 0);
    memory.get(keyOf('a'));
    memory.set(keyOf('c'), entry(1, 1), 0);
    expect(['a', 'b', 'c'].map((name) => memory.get(keyOf(name)) !== undefined)).toEqual([true, false, true]);
  });

  it('has several totals of one customer apart, and those of other tenants', () => {
    const memory = createMemory(100, createPurges());
    const totals = [null, 0, 7].flatMap((startDate) =>
      ['e', 'f'].map((entitlementId) => ({ customerId: 'c', entitlementId, startDate, endDate: null })),
    );
    const keys = [scope, tenantOf('other').scope].flatMap((one) =>
      totals.map((total) => createCacheKey(one, total)),
    );
    const quantities = () => keys.map((one) => memory.get(one)?.quantity);
    expect(quantities()).toEqual(keys.map(() => undefined));
    for (const [n, one] of keys.entries()) memory.set(one, entry(n, 1), 0);
    expect(quantities()).toEqual(keys.map((_, n) => n));
    for (const [n, one] of keys.entries()) memory.set(one, entry(-n, 2), 0);
    for (const one of keys.slice(0, 7)) memory.delete(one);
    expect(quantities()).toEqual(keys.map((_, n) => (n < 7 ? undefined : -n)));
    for (const [n, one] of keys.entries()) memory.set(one, entry(n, 3), 0);
    expect(quantities()).toEqual(keys.map((_, n) => n));
  });

  it('gives away what is free before anybody has to leave', () => {
    const memory = createMemory(100, createPurges());
    const names = Array.from({ length: 200 }, (_, n) => String(n));
    const count = () => names.filter((name) => memory.get(keyOf(name)) !== undefined).length;
    for (const name of names.slice(0, 100)) memory.set(keyOf(name), entry(1, 1), 0);
    for (const name of names.slice(0, 90)) memory.delete(keyOf(name));
    for (const name of names.slice(100, 190)) memory.set(keyOf(name), entry(1, 1), 0);
    expect(count()).toBe(100);
    for (const name of names.slice(190)) memory.set(keyOf(name), entry(1, 1), 0);
    expect(count()).toBe(100);
  });

  it('makes room in time where all of them were used', () => {
    const memory = createMemory(1000, createPurges());
    const names = Array.from({ length: 1200 }, (_, n) => String(n));
    for (const name of names) {
      memory.set(keyOf(name), entry(1, 1), 0);
      memory.get(keyOf(name));
    }
    expect(names.filter((name) => memory.get(keyOf(name)) !== undefined)).toHaveLength(1000);
    expect(memory.get(keyOf('1199'))).toBeDefined();
  });

  it('does not let an older number take the place of a newer one', () => {
    const memory = createMemory(2, createPurges());
    memory.set(key, entry(2, 20), 0);
    memory.set(key, entry(1, 10), 0);
    expect(memory.get(key)).toMatchObject({ quantity: 2, asOfMs: 20 });
  });

  it('does not let a number asked for before a purge take the place of one asked for after it', () => {
    const purges = createPurges();
    const memory = createMemory(2, purges);
    purges.purge({ customerId: 'c' });
    memory.set(key, entry(2, 20), purges.moment());
    // It was asked for first, and answered last.
    memory.set(key, entry(1, 30), 0);
    expect(memory.get(key)).toMatchObject({ quantity: 2, asOfMs: 20 });
  });
});

describe('a flight', () => {
  it('is shared by all who ask while it is under way', async () => {
    const flights = createFlights<Entry>(createPurges());
    const landing = Promise.withResolvers<Entry>();
    let starts = 0;
    const start = () => {
      starts += 1;
      return landing.promise;
    };
    const passengers = [
      flights.join(key, stays, start),
      flights.join(key, { member: {}, span: noSpan, signal: undefined }, start),
    ];
    expect(flights.isUnderWay(key)).toBe(true);
    landing.resolve({ quantity: 1, asOfMs: 1 });
    expect(await Promise.all(passengers)).toEqual([
      { quantity: 1, asOfMs: 1 },
      { quantity: 1, asOfMs: 1 },
    ]);
    expect([starts, flights.isUnderWay(key)]).toEqual([1, false]);
  });

  it('that began before a purge takes no new passengers, and still lands for those it has', async () => {
    const purges = createPurges();
    const flights = createFlights<string>(purges);
    const [early, late] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const first = flights.join(key, stays, () => early.promise);
    purges.purge({ customerId: 'c' });
    expect(flights.isUnderWay(key)).toBe(false);
    const second = flights.join(key, stays, () => late.promise);
    early.resolve('early');
    expect(await first).toBe('early');
    expect(flights.isUnderWay(key)).toBe(true);
    late.resolve('late');
    expect(await second).toBe('late');
  });

  it('is given up when its last passenger has left, and makes room at once', async () => {
    const flights = createFlights<string>(createPurges());
    const signals: AbortSignal[] = [];
    const start = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<string>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      );
    };
    const [one, two] = [new AbortController(), new AbortController()];
    const left = [
      flights.join(key, { member: {}, span: noSpan, signal: one.signal }, start),
      flights.join(key, { member: {}, span: noSpan, signal: two.signal }, start),
    ].map((waiting) => expect(waiting).rejects.toThrow('aborted'));
    one.abort();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    two.abort();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await Promise.all(left);
    const next = flights.join(key, stays, async () => 'next');
    expect(await next).toBe('next');
  });

  it('is waited for with one listener, however many one request waits for, and each of them is left', async () => {
    const flights = createFlights<Entry>(createPurges());
    const controller = new AbortController();
    const { signal } = controller;
    const keys = Array.from({ length: 1000 }, (_, n) => keyOf(String(n)));
    const left: AbortSignal[] = [];
    const passengers = keys.map((one) =>
      flights.join(one, { ...stays, signal }, ({ signal: land }) => {
        land.addEventListener('abort', () => left.push(land));
        return new Promise(() => {});
      }),
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort();
    const settled = await Promise.allSettled(passengers);
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    expect([left.length, keys.some(flights.isUnderWay)]).toEqual([1000, false]);
  });

  it('fails for all its passengers, and is tried anew by the next', async () => {
    const flights = createFlights<string>(createPurges());
    const fail = async () => {
      throw new Error('no');
    };
    await expect(
      Promise.all([flights.join(key, stays, fail), flights.join(key, stays, fail)]),
    ).rejects.toThrow('no');
    expect(await flights.join(key, stays, async () => 'yes')).toBe('yes');
  });
});
