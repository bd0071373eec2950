import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import type { Caller } from '../../src/totals/flight.ts';
import { createTotalLoader, type TotalLoader } from '../../src/totals/loader.ts';
import { createLoadStats } from '../../src/totals/stats.ts';
import type { Total, TotalKey } from '../../src/totals/total.ts';
import { customer, idOf } from '../support/ids.ts';
import { answerWith, createTotals, tenantOf } from '../support/totals.ts';

const keyOf = (n: number): TotalKey => ({
  entitlementId: idOf(n),
  customerId: customer,
  startDate: null,
  endDate: null,
});
const caller: Caller = {
  tenant: tenantOf('one'),
  maySee: (customerId) => customerId === customer,
  requestId: 'r',
  span: noSpan,
  signal: new AbortController().signal,
  stats: createLoadStats(),
};
const totalOf = ({ entitlementId, customerId, startDate, endDate }: TotalKey): Total => {
  return { entitlementId, customerId, startDate, endDate, quantity: 1, asOfMs: 0, stale: false };
};

const getFresh = () => undefined;
const loadAll = (loader: TotalLoader, keys: readonly TotalKey[]) =>
  Promise.all(keys.map((key) => (async () => loader.load(key))().catch((error: unknown) => error)));

describe('the loader', () => {
  it('refuses what the caller may not see before anything is looked up', async () => {
    const asked: (readonly TotalKey[])[] = [];
    const loadMany = async (keys: readonly TotalKey[]) => {
      asked.push(keys);
      return keys.map(totalOf);
    };
    const foreign = { ...keyOf(1), customerId: idOf(8) };
    const [answer, refusal] = await loadAll(createTotalLoader({ getFresh, loadMany }, caller), [
      keyOf(1),
      foreign,
    ]);
    expect(answer).toEqual(totalOf(keyOf(1)));
    expect(refusal).toEqual(new AppError('FORBIDDEN', 'You may not see the totals of this customer.'));
    expect(asked).toEqual([[expect.objectContaining(keyOf(1))]]);
  });

  it('puts each answer in its place, an error in that of a failed key alone, and asks for equal keys once', async () => {
    const refused = new AppError('NOT_FOUND', 'Words.');
    const batches: (readonly TotalKey[])[] = [];
    const loadMany = async (keys: readonly TotalKey[]) => {
      batches.push(keys);
      return keys.map((key) => (key.entitlementId === idOf(2) ? refused : totalOf(key)));
    };
    const loader = createTotalLoader({ getFresh, loadMany }, caller);
    const answers = await loadAll(loader, [3, 1, 2, 3].map(keyOf));
    expect(answers).toEqual([totalOf(keyOf(3)), totalOf(keyOf(1)), refused, totalOf(keyOf(3))]);
    expect(batches).toEqual([[3, 1, 2].map((n) => expect.objectContaining(keyOf(n)))]);
  });

  it('asks for no more than 250 keys in one batch', async () => {
    const sizes: number[] = [];
    const loadMany = async (keys: readonly TotalKey[]) => {
      sizes.push(keys.length);
      return keys.map(totalOf);
    };
    const keys = Array.from({ length: 600 }, (_, n) => keyOf(n));
    await loadAll(createTotalLoader({ getFresh, loadMany }, caller), keys);
    expect(sizes).toEqual([250, 250, 100]);
  });

  it('makes an error of whatever else is thrown', async () => {
    const { load } = await createTotals(
      async (parameters) => {
        if (parameters.entitlementId === idOf(1)) throw 'a text';
        return answerWith(parameters, 7);
      },
      { maxAgeMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
    );
    expect(await load(keyOf(0), caller.tenant)).toMatchObject({ quantity: 7 });
    const failed = await load(keyOf(1), caller.tenant);
    expect(failed).toEqual(new Error('A total failed with something that is no error'));
    expect(failed).toHaveProperty('cause', 'a text');
  });
});
