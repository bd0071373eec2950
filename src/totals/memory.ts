import { LRUCache } from 'lru-cache';
import { isVoidedBy, type PurgeEpoch, type Purges, type PurgeVersion } from './purges.ts';
import type { Entry, TotalKey } from './total.ts';

/** What was known of purges when a number was requested. */
type Origin = {
  epoch: PurgeEpoch;
  /** The marks in Redis; undefined if Redis was not read. */
  version: PurgeVersion | undefined;
};

/** An entry and its origin. `epoch` is later than that of the request if the marks were compared since. */
export type MemoryEntry = Entry & Origin;

export type Memory = {
  get: (key: TotalKey) => Readonly<MemoryEntry> | undefined;
  /** Stores a number, unless it was purged since it was requested or a newer one is stored. */
  set: (key: TotalKey, entry: Entry, origin: Origin) => void;
  delete: (key: TotalKey) => void;
  /** Deletes an entry that the marks void. Otherwise no purge before `epoch`, at which they were read, has hit it. */
  verify: (key: TotalKey, version: PurgeVersion, epoch: PurgeEpoch) => void;
};

/** The cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  // With `max`, lru-cache allocates for all entries at once: 15 s and 1.5 GB for the largest setting (measured).
  const entries = new LRUCache<string, MemoryEntry>({ maxSize: maxEntries, sizeCalculation: () => 1 });

  function get(key: TotalKey): MemoryEntry | undefined {
    const entry = entries.get(key.text);
    if (entry === undefined || !purges.isPurged(key, entry.epoch)) return entry;
    entries.delete(key.text);
    return undefined;
  }

  function set(key: TotalKey, { quantity, asOfMs, receivedAtMs }: Entry, { epoch, version }: Origin): void {
    if (purges.isPurged(key, epoch)) return;
    const stored = get(key);
    if (stored !== undefined && stored.receivedAtMs > receivedAtMs) return;
    entries.set(key.text, { quantity, asOfMs, receivedAtMs, epoch, version });
  }

  function verify(key: TotalKey, version: PurgeVersion, epoch: PurgeEpoch): void {
    const entry = get(key);
    if (entry === undefined) return;
    if (isVoidedBy(version, entry.version)) entries.delete(key.text);
    else entry.epoch = Math.max(entry.epoch, epoch);
  }
  return { get, set, delete: (key) => void entries.delete(key.text), verify };
}
