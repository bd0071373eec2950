import type { TenantScope } from '../auth/tenant.ts';
import { type CacheKey, type Entry, type KeyParts, toGrant } from './key.ts';
import type { Moment, Purges } from './purges.ts';

/** An entry, and the moment its number was asked for. */
type Kept = Entry & { since: Moment };

/** One number in its place. Another one of the same key is another slot. */
type Slot = Kept &
  KeyParts & {
    scope: TenantScope;
    /** Whether it was used since the hand last came by. */
    isUsed: boolean;
    /** On the clock. */
    position: number;
  };

export type Memory = {
  get: (key: CacheKey) => Readonly<Kept> | undefined;
  /** Keeps the entry of a number that was asked for at `since`, unless it was purged meanwhile or a newer one is there. */
  set: (key: CacheKey, entry: Entry, since: Moment) => void;
  delete: (key: CacheKey) => void;
};

/** So many that were used are passed over, at most, in search of one that may leave: nobody should wait for more. */
const maxPassedOver = 32;

/** The part of the cache inside this process, bounded by its number of entries. */
export function createMemory(maxEntries: number, purges: Purges): Memory {
  const slots = createIndex();
  const clock = createClock(maxEntries);

  function remove(slot: Slot): void {
    clock.free(slot.position);
    slots.delete(slot);
  }

  function get(key: CacheKey): Readonly<Kept> | undefined {
    const slot = slots.get(key);
    if (slot === undefined) return undefined;
    slot.isUsed = true;
    if (!purges.isPurged(key, slot.since)) return slot;
    remove(slot);
    return undefined;
  }

  function findRoom(): number {
    if (clock.isFull()) remove(clock.next());
    return clock.takeFree();
  }

  function set(key: CacheKey, { quantity, asOfMs }: Entry, since: Moment): void {
    if (purges.isPurged(key, since)) return;
    const kept = slots.get(key);
    if (kept !== undefined && kept.asOfMs > asOfMs && !purges.isPurged(key, kept.since)) return;
    const position = kept?.position ?? findRoom();
    const { scope, entitlementId, customerId, startDate, endDate } = key;
    const parts = { scope, entitlementId, customerId, startDate, endDate };
    const slot = { ...parts, quantity, asOfMs, since, isUsed: kept?.isUsed ?? false, position };
    clock.put(slot);
    slots.set(slot);
  }

  function forget(key: CacheKey): void {
    const slot = slots.get(key);
    if (slot !== undefined) remove(slot);
  }
  return { get, set, delete: forget };
}

/**
 * So many places in a round. A hand goes from one to the next, and whoever was not used since it came by last makes room:
 * to use one costs no more than a mark.
 */
function createClock(places: number) {
  const slots: (Slot | undefined)[] = [];
  const freePlaces: number[] = [];
  let hand = 0;

  function step(): Slot {
    const slot = slots[hand];
    hand = (hand + 1) % places;
    // Only a full clock is asked.
    return slot ?? step();
  }

  return {
    isFull: () => freePlaces.length === 0 && slots.length === places,
    takeFree: () => freePlaces.pop() ?? slots.length,
    put(slot: Slot) {
      slots[slot.position] = slot;
    },
    free(position: number) {
      slots[position] = undefined;
      freePlaces.push(position);
    },
    /** Who has to leave. */
    next(): Slot {
      let slot = step();
      for (let passed = 0; passed < maxPassedOver && slot.isUsed; passed += 1) {
        slot.isUsed = false;
        slot = step();
      }
      return slot;
    },
  };
}

/** Of one customer: one, as most have, or several by what they are of. */
type OfCustomer = Slot | Map<string, Slot>;

/** Finds slots by the parts of their keys: to join these to one text, and hash that, took a tenth of fifty totals at hand. */
function createIndex() {
  const byScope = new Map<TenantScope, Map<string, OfCustomer>>();

  function get(key: CacheKey): Slot | undefined {
    const found = byScope.get(key.scope)?.get(key.customerId);
    if (found instanceof Map) return found.get(toGrant(key));
    return found !== undefined && isSameGrant(found, key) ? found : undefined;
  }

  function set(slot: Slot): void {
    const byCustomer = byScope.get(slot.scope) ?? new Map<string, OfCustomer>();
    byScope.set(slot.scope, byCustomer);
    const found = byCustomer.get(slot.customerId);
    if (found instanceof Map) found.set(toGrant(slot), slot);
    else if (found === undefined || isSameGrant(found, slot)) byCustomer.set(slot.customerId, slot);
    else byCustomer.set(slot.customerId, new Map([found, slot].map((one) => [toGrant(one), one])));
  }

  function remove(slot: Slot): void {
    const byCustomer = byScope.get(slot.scope);
    const found = byCustomer?.get(slot.customerId);
    if (found instanceof Map) found.delete(toGrant(slot));
    if (!(found instanceof Map) || found.size === 0) byCustomer?.delete(slot.customerId);
    if (byCustomer?.size === 0) byScope.delete(slot.scope);
  }
  return { get, set, delete: remove };
}

function isSameGrant(one: KeyParts, other: KeyParts): boolean {
  return (
    one.entitlementId === other.entitlementId &&
    one.startDate === other.startDate &&
    one.endDate === other.endDate
  );
}
