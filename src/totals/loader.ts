import DataLoader from 'dataloader';
import type { Upstream } from '../zenskar/upstream.ts';
import { type Total, type TotalKey, toKeyText } from './total.ts';

/** DataLoader's own bound is infinity. */
const maxBatchSize = 250;

type LoaderDependencies = {
  upstream: Upstream;
  requestId: string;
  signal: AbortSignal;
  /** Told of each upstream call made for this request. */
  onUpstreamCall: () => void;
};

export type TotalLoader = DataLoader<TotalKey, Total, string>;

/**
 * Collects the totals one request asks for: equal keys share one slot, and each failed key has its own error.
 * Belongs to a single request, as it remembers what it loaded for as long as it lives.
 */
export function createTotalLoader(dependencies: LoaderDependencies): TotalLoader {
  const { upstream, requestId, signal, onUpstreamCall } = dependencies;
  async function loadTotal(key: TotalKey): Promise<Total> {
    onUpstreamCall();
    const { quantity, asOfMs } = await upstream.loadTotal(key, { requestId, signal });
    return { ...key, quantity, asOf: new Date(asOfMs), stale: false };
  }
  return new DataLoader((keys) => Promise.all(keys.map((key) => loadTotal(key).catch(toError))), {
    maxBatchSize,
    cacheKeyFn: toKeyText,
  });
}

/** DataLoader takes an `Error` in a slot for that key's failure, and anything else for its value. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('A total failed with something that is no error', { cause: thrown });
}
