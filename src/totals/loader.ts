import DataLoader from 'dataloader';
import { AppError } from '../errors.ts';
import type { MemoryRead } from './lookup.ts';
import type { Requester, TotalSource } from './source.ts';
import { countFailure } from './stats.ts';
import { type Total, type TotalArguments, toTotalKey } from './total.ts';

/** DataLoader's own bound is infinity. */
const maxBatchSize = 250;

/** The only way to totals for a request. */
export type TotalLoader = {
  /** Synchronous for a fresh total, which spares graphql-js a promise. Throws, or rejects, with an `AppError`. */
  load: (asked: TotalArguments) => Total | Promise<Total>;
};

type Source = Pick<TotalSource, 'readMemory' | 'getFresh' | 'loadMany'>;

/**
 * Collects the totals of one request: equal keys are loaded once, and each failed key has its own error. Forbidden
 * customers are rejected before the cache is read, so that nothing shows whether their totals are cached.
 * Belongs to a single request, because DataLoader remembers everything it has loaded.
 */
export function createTotalLoader(source: Source, requester: Requester): TotalLoader {
  // Most requests find fresh totals only.
  let batches: DataLoader<MemoryRead, Total, string> | undefined;

  function load(asked: TotalArguments): Total | Promise<Total> {
    const key = toTotalKey(requester.tenant.scope, asked);
    if (!requester.maySee(key.customerId)) {
      countFailure(requester.stats);
      throw new AppError('FORBIDDEN', 'You may not see the totals of this customer.');
    }
    const read = source.readMemory(key);
    const fresh = source.getFresh(read, requester);
    if (fresh !== undefined) return fresh;
    batches ??= createBatches(source, requester);
    return batches.load(read);
  }
  return { load };
}

function createBatches(source: Source, requester: Requester): DataLoader<MemoryRead, Total, string> {
  return new DataLoader((reads) => source.loadMany(reads, requester), {
    maxBatchSize,
    cacheKeyFn: ({ key }) => key.text,
  });
}
