import type { TenantScope } from '../tenant.ts';
import type { CacheKey, Entry } from './key.ts';
import type { Moment, Purges } from './purges.ts';

/** An entry, and the moment its number was asked for. */
type Kept = Entry & { since: Moment };

type Slot = { key: CacheKey; kept: Kept; isUsed: boolean };

export type Memory = {
  get: (key: CacheKey) => Readonly<Kept> | undefined;
  /** Keeps the entry of a number that was asked for at `since`, unless it was purged meanwhile or a newer one is there. */
  set: (key: CacheKey, entry: Entry, since: Moment) => void;
  delete: (key: CacheKey) => void;
};

/** So many that were used since are passed over, at most, in search of one that may leave: nobody should wait for more. */
const maxPassedOver = 32;

/** The part of the cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  const slots = createIndex();
  // A Set keeps its order. Who comes to its front and was used since stays for another round.
  const line = new Set<Slot>();

  function remove(slot: Slot): void {
    line.delete(slot);
    slots.delete(slot.key);
  }

  function makeRoom(): void {
    let passedOver = 0;
    for (const slot of line) {
      if (!slot.isUsed || passedOver === maxPassedOver) {
        remove(slot);
        return;
      }
      passedOver += 1;
      slot.isUsed = false;
      line.delete(slot);
      line.add(slot);
    }
  }

  function get(key: CacheKey): Readonly<Kept> | undefined {
    const slot = slots.get(key);
    if (slot === undefined) return undefined;
    slot.isUsed = true;
    if (!purges.isPurged(key, slot.kept.since)) return slot.kept;
    remove(slot);
    return undefined;
  }

  function set(key: CacheKey, { quantity, asOfMs }: Entry, since: Moment): void {
    if (purges.isPurged(key, since)) return;
    const slot = slots.get(key);
    const kept = { quantity, asOfMs, since };
    if (slot === undefined) {
      const added = { key, kept, isUsed: false };
      slots.set(key, added);
      line.add(added);
      if (line.size > maxEntries) makeRoom();
    } else if (slot.kept.asOfMs <= asOfMs || purges.isPurged(key, slot.kept.since)) slot.kept = kept;
  }

  function forget(key: CacheKey): void {
    const slot = slots.get(key);
    if (slot !== undefined) remove(slot);
  }
  return { get, set, delete: forget };
}

type ByCustomer = Map<string, Slot>;
type ByGrant = Map<string, ByCustomer>;

/** Finds slots by the parts of their keys: to join these to one text, and hash that, took a tenth of fifty totals at hand. */
function createIndex() {
  const byScope = new Map<TenantScope, ByGrant>();

  function set({ scope, grant, customerId }: CacheKey, slot: Slot): void {
    const byGrant = byScope.get(scope) ?? new Map<string, ByCustomer>();
    const byCustomer = byGrant.get(grant) ?? new Map<string, Slot>();
    byScope.set(scope, byGrant.set(grant, byCustomer.set(customerId, slot)));
  }

  function remove({ scope, grant, customerId }: CacheKey): void {
    const byGrant = byScope.get(scope);
    const byCustomer = byGrant?.get(grant);
    byCustomer?.delete(customerId);
    if (byCustomer?.size === 0) byGrant?.delete(grant);
    if (byGrant?.size === 0) byScope.delete(scope);
  }

  const get = ({ scope, grant, customerId }: CacheKey) => byScope.get(scope)?.get(grant)?.get(customerId);
  return { get, set, delete: remove };
}
