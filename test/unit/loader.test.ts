import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors.ts';
import { createTotalLoader } from '../../src/totals/loader.ts';
import type { TotalKey } from '../../src/totals/total.ts';
import { customer, idOf } from '../support/ids.ts';

const keyOf = (n: number): TotalKey => ({
  entitlementId: idOf(n),
  customerId: customer,
  startDate: null,
  endDate: null,
});

function loaderOver(loadTotal: (n: number) => Promise<{ quantity: number; asOfMs: number }>) {
  const asked: number[] = [];
  const upstream = {
    loadTotal: ({ entitlementId }: { entitlementId: string }) => {
      const n = Number.parseInt(entitlementId.slice(-12), 16);
      asked.push(n);
      return loadTotal(n);
    },
  };
  let calls = 0;
  const onUpstreamCall = () => {
    calls += 1;
  };
  const { signal } = new AbortController();
  const loader = createTotalLoader({ upstream, requestId: 'r', signal, onUpstreamCall });
  return { loader, asked, calls: () => calls };
}

describe('the loader', () => {
  it('answers each key in its place and asks for equal keys once', async () => {
    const { loader, asked, calls } = loaderOver(async (n) => ({ quantity: n * 10, asOfMs: 1000 + n }));
    const totals = await loader.loadMany([3, 1, 3, 2].map(keyOf));
    expect(totals).toEqual(
      [3, 1, 3, 2].map((n) => ({ ...keyOf(n), quantity: n * 10, asOf: new Date(1000 + n), stale: false })),
    );
    expect(asked).toEqual([3, 1, 2]);
    expect(calls()).toBe(3);
  });

  it('puts an error in the place of a failed key alone', async () => {
    const refused = new AppError('NOT_FOUND', 'Words.');
    const { loader } = loaderOver(async (n) => {
      if (n === 1) throw refused;
      if (n === 2) throw 'a text';
      return { quantity: n, asOfMs: 0 };
    });
    const [zero, one, two] = await loader.loadMany([0, 1, 2].map(keyOf));
    expect(zero).toMatchObject({ quantity: 0 });
    expect(one).toBe(refused);
    expect(two).toEqual(new Error('A total failed with something that is no error'));
    expect(two).toHaveProperty('cause', 'a text');
  });

  it('keeps one bounded batch per 250 keys', async () => {
    const { loader, asked } = loaderOver(async (n) => ({ quantity: n, asOfMs: 0 }));
    const totals = await loader.loadMany(Array.from({ length: 600 }, (_, n) => keyOf(n)));
    expect(totals.map((total) => 'quantity' in total && total.quantity)).toEqual(
      Array.from({ length: 600 }, (_, n) => n),
    );
    expect(asked).toHaveLength(600);
  });
});
