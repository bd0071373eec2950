import DataLoader from 'dataloader';
import { AppError } from '../errors.ts';
import type { Caller } from './flight.ts';
import { type CacheKey, createCacheKey, toKeyText } from './key.ts';
import type { TotalSource } from './source.ts';
import { countFailure } from './stats.ts';
import type { Total, TotalKey } from './total.ts';

/** DataLoader's own bound is infinity. */
const maxBatchSize = 250;

/** The only way to totals that there is for a request. */
export type TotalLoader = {
  /** At once where the total is at hand, which spares graphql-js a promise. Throws, or rejects, with an `AppError`. */
  load: (key: TotalKey) => Total | Promise<Total>;
};

type Source = Pick<TotalSource, 'getFresh' | 'loadMany'>;

/**
 * Collects the totals one request asks for: equal keys share one slot, and each failed key has its own error. What the
 * caller may not see is refused here, before anything is looked up, so that nothing tells whether it is there.
 * Belongs to a single request, as it remembers what it loaded for as long as it lives.
 */
export function createTotalLoader(source: Source, caller: Caller): TotalLoader {
  // Most requests find all they ask for at hand.
  let batches: DataLoader<CacheKey, Total, string> | undefined;

  function load(total: TotalKey): Total | Promise<Total> {
    if (!caller.maySee(total.customerId)) {
      countFailure(caller.stats);
      throw new AppError('FORBIDDEN', 'You may not see the totals of this customer.');
    }
    const key = createCacheKey(caller.tenant.scope, total);
    const atHand = source.getFresh(key, caller);
    if (atHand !== undefined) return atHand;
    batches ??= createBatches(source, caller);
    return batches.load(key);
  }
  return { load };
}

function createBatches(source: Source, caller: Caller): DataLoader<CacheKey, Total, string> {
  return new DataLoader((keys) => loadBatch(source, keys, caller), { maxBatchSize, cacheKeyFn: toKeyText });
}

async function loadBatch(source: Source, keys: readonly CacheKey[], caller: Caller) {
  const span = caller.span.start('totals batch', { attributes: { 'gateway.keys': keys.length } });
  try {
    return await source.loadMany(keys, { ...caller, span });
  } finally {
    span.end();
  }
}
