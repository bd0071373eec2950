import { LRUCache } from 'lru-cache';
import type { CacheKey, Entry } from './key.ts';
import type { Moment, Purges } from './purges.ts';

type Kept = Entry & { since: Moment };

/** An entry, and whether a purge may have gone unheard since. */
type Remembered = Entry & { doubtful: boolean };

export type Memory = {
  get: (key: CacheKey) => Remembered | undefined;
  /** Keeps the entry of a number that was asked for at `since`, unless it was purged meanwhile or a newer one is there. */
  set: (key: CacheKey, entry: Entry, since: Moment) => void;
  delete: (key: CacheKey) => void;
};

/** The part of the cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  const entries = new LRUCache<string, Kept>({ max: maxEntries });

  function get(key: CacheKey): Remembered | undefined {
    const kept = entries.get(key.text);
    if (kept === undefined) return undefined;
    if (purges.isPurged(key, kept.since)) {
      entries.delete(key.text);
      return undefined;
    }
    return { quantity: kept.quantity, asOfMs: kept.asOfMs, doubtful: purges.isDoubtful(kept.since) };
  }

  function set(key: CacheKey, { quantity, asOfMs }: Entry, since: Moment): void {
    if (purges.isPurged(key, since)) return;
    const kept = get(key);
    if (kept !== undefined && kept.asOfMs > asOfMs) return;
    entries.set(key.text, { quantity, asOfMs, since });
  }
  return { get, set, delete: (key) => void entries.delete(key.text) };
}
