import { LRUCache } from 'lru-cache';
import type { PurgeEpoch, Purges } from './purges.ts';
import type { Entry, TotalKey } from './total.ts';

/** An entry, and the epoch at which its number was requested. */
export type MemoryEntry = Entry & { readonly epoch: PurgeEpoch };

export type Memory = {
  get: (key: TotalKey) => Readonly<MemoryEntry> | undefined;
  /** Stores a number that was requested at `epoch`, unless it was purged since or a newer one is stored. */
  set: (key: TotalKey, entry: Entry, epoch: PurgeEpoch) => void;
  delete: (key: TotalKey) => void;
};

/** The cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  // With `max`, lru-cache allocates for all entries at once: 15 s and 1.5 GB for the largest setting (measured).
  const entries = new LRUCache<string, MemoryEntry>({ maxSize: maxEntries, sizeCalculation: () => 1 });

  function get(key: TotalKey): Readonly<MemoryEntry> | undefined {
    const entry = entries.get(key.text);
    if (entry === undefined || !purges.isPurged(key, entry.epoch)) return entry;
    entries.delete(key.text);
    return undefined;
  }

  function set(key: TotalKey, { quantity, asOfMs, receivedAtMs }: Entry, epoch: PurgeEpoch): void {
    if (purges.isPurged(key, epoch)) return;
    const stored = get(key);
    if (stored !== undefined && stored.receivedAtMs > receivedAtMs) return;
    entries.set(key.text, { quantity, asOfMs, receivedAtMs, epoch });
  }
  return { get, set, delete: (key) => void entries.delete(key.text) };
}
