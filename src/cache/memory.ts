import { LRUCache } from 'lru-cache';
import type { CacheKey, Entry } from './key.ts';
import type { Moment, Purges } from './purges.ts';

/** An entry, and the moment its number was asked for. */
type Kept = Entry & { since: Moment };

export type Memory = {
  get: (key: CacheKey) => Readonly<Kept> | undefined;
  /** Keeps the entry of a number that was asked for at `since`, unless it was purged meanwhile or a newer one is there. */
  set: (key: CacheKey, entry: Entry, since: Moment) => void;
  delete: (key: CacheKey) => void;
};

/** The part of the cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  const entries = new LRUCache<string, Kept>({ max: maxEntries });

  function get(key: CacheKey): Readonly<Kept> | undefined {
    const kept = entries.get(key.text);
    if (kept === undefined || !purges.isPurged(key, kept.since)) return kept;
    entries.delete(key.text);
    return undefined;
  }

  function set(key: CacheKey, { quantity, asOfMs }: Entry, since: Moment): void {
    if (purges.isPurged(key, since)) return;
    const kept = get(key);
    if (kept !== undefined && kept.asOfMs > asOfMs) return;
    entries.set(key.text, { quantity, asOfMs, since });
  }
  return { get, set, delete: (key) => void entries.delete(key.text) };
}
