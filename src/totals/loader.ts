import DataLoader from 'dataloader';
import type { Caller, TotalSource } from './source.ts';
import { type Total, type TotalKey, toKeyText } from './total.ts';

/** DataLoader's own bound is infinity. */
const maxBatchSize = 250;

export type TotalLoader = DataLoader<TotalKey, Total, string>;

/**
 * Collects the totals one request asks for: equal keys share one slot, and each failed key has its own error.
 * Belongs to a single request, as it remembers what it loaded for as long as it lives.
 */
export function createTotalLoader(source: TotalSource, caller: Caller): TotalLoader {
  return new DataLoader((keys) => source.loadMany(keys, caller), { maxBatchSize, cacheKeyFn: toKeyText });
}
