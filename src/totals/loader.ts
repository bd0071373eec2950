import DataLoader from 'dataloader';
import { AppError } from '../errors.ts';
import type { Caller, TotalSource } from './source.ts';
import { recordFailure } from './tally.ts';
import { type Total, type TotalKey, toKeyText } from './total.ts';

/** DataLoader's own bound is infinity. */
const maxBatchSize = 250;

/** The only way to totals that there is for a request. */
export type TotalLoader = { load: (key: TotalKey) => Promise<Total> };

/**
 * Collects the totals one request asks for: equal keys share one slot, and each failed key has its own error. What the
 * caller may not see is refused here, before anything is looked up, so that nothing tells whether it is there.
 * Belongs to a single request, as it remembers what it loaded for as long as it lives.
 */
export function createTotalLoader(source: TotalSource, caller: Caller): TotalLoader {
  const batches = new DataLoader((keys: readonly TotalKey[]) => source.loadMany(keys, caller), {
    maxBatchSize,
    cacheKeyFn: toKeyText,
  });

  async function load(key: TotalKey): Promise<Total> {
    if (caller.maySee(key.customerId)) return batches.load(key);
    recordFailure(caller.tally);
    throw new AppError('FORBIDDEN', 'You may not see the totals of this customer.');
  }
  return { load };
}
