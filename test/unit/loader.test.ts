import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors.ts';
import { createTotalLoader, type TotalLoader } from '../../src/totals/loader.ts';
import type { MemoryRead } from '../../src/totals/lookup.ts';
import type { Requester } from '../../src/totals/source.ts';
import type { Total, TotalArguments, TotalKey } from '../../src/totals/total.ts';
import { customer, idOf } from '../support/ids.ts';
import { answerWith, createTotals, requesterOf, tenantOf } from '../support/totals.ts';

const noCache = { maxAgeMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
const argumentsOf = (n: number) => ({
  entitlementId: idOf(n),
  customerId: customer,
  startDate: null,
  endDate: null,
});
const requester: Requester = {
  ...requesterOf(tenantOf('one')),
  maySee: (customerId) => customerId === customer,
};
const totalOf = (asked: Required<TotalArguments>): Total => {
  const { entitlementId, customerId, startDate, endDate } = asked;
  return {
    entitlementId,
    customerId,
    startDate,
    endDate,
    quantity: 1,
    asOfMs: 0,
    receivedAtMs: 0,
    stale: false,
  };
};

/** A loader over an empty cache, and the batches that it asked the source for. */
async function createLoader(answer: (key: TotalKey) => Total | Error) {
  const { source } = await createTotals(async (parameters) => answerWith(parameters, 1), noCache);
  const batches: TotalKey[][] = [];
  const loadMany = async (reads: readonly MemoryRead[]) => {
    batches.push(reads.map(({ key }) => key));
    return reads.map(({ key }) => answer(key));
  };
  return { loader: createTotalLoader({ ...source, loadMany }, requester), batches };
}

const loadAll = (loader: TotalLoader, asked: readonly TotalArguments[]) =>
  Promise.all(asked.map((one) => (async () => loader.load(one))().catch((error: unknown) => error)));

describe('the loader of totals', () => {
  it('rejects a customer that the caller may not see before the cache is read', async () => {
    const { loader, batches } = await createLoader(totalOf);
    const foreign = { ...argumentsOf(1), customerId: idOf(8) };
    const [answer, rejection] = await loadAll(loader, [argumentsOf(1), foreign]);
    expect(answer).toEqual(totalOf(argumentsOf(1)));
    expect(rejection).toEqual(new AppError('FORBIDDEN', 'You may not see the totals of this customer.'));
    expect(batches).toEqual([[expect.objectContaining(argumentsOf(1))]]);
  });

  it('rejects impossible dates before it asks whether the caller may see the customer', async () => {
    const { loader, batches } = await createLoader(totalOf);
    const impossible = { ...argumentsOf(1), customerId: idOf(8), startDate: 2, endDate: 1 };
    expect(await loadAll(loader, [impossible])).toEqual([
      expect.objectContaining({ code: 'BAD_USER_INPUT' }),
    ]);
    expect(batches).toEqual([]);
  });

  it('returns answers in order with an error for the failed key alone, and asks for equal keys once', async () => {
    const notFound = new AppError('NOT_FOUND', 'Words.');
    const { loader, batches } = await createLoader((key) =>
      key.entitlementId === idOf(2) ? notFound : totalOf(key),
    );
    const answers = await loadAll(loader, [3, 1, 2, 3].map(argumentsOf));
    expect(answers).toEqual([
      totalOf(argumentsOf(3)),
      totalOf(argumentsOf(1)),
      notFound,
      totalOf(argumentsOf(3)),
    ]);
    expect(batches).toEqual([[3, 1, 2].map((n) => expect.objectContaining(argumentsOf(n)))]);
  });

  it('asks for no more than 250 keys in one batch', async () => {
    const { loader, batches } = await createLoader(totalOf);
    await loadAll(
      loader,
      Array.from({ length: 600 }, (_, n) => argumentsOf(n)),
    );
    expect(batches.map(({ length }) => length)).toEqual([250, 250, 100]);
  });

  it('returns a fresh total synchronously, without a promise', async () => {
    const { source } = await createTotals(async (parameters) => answerWith(parameters, 7), {
      ...noCache,
      maxAgeMs: 1000,
    });
    expect(createTotalLoader(source, requester).load(argumentsOf(0))).toBeInstanceOf(Promise);
    const loader = createTotalLoader(source, requester);
    await loader.load(argumentsOf(0));
    expect(loader.load(argumentsOf(0))).toMatchObject({ quantity: 7, stale: false });
  });

  it('wraps a thrown value that is no error in an error', async () => {
    const { source } = await createTotals(async (parameters) => {
      if (parameters.entitlementId === idOf(1)) throw 'a text';
      return answerWith(parameters, 7);
    }, noCache);
    const [answer, failure] = await loadAll(createTotalLoader(source, requester), [0, 1].map(argumentsOf));
    expect(answer).toMatchObject({ quantity: 7 });
    expect(failure).toEqual(new Error('A total failed with a value that is not an Error'));
    expect(failure).toHaveProperty('cause', 'a text');
  });
});
