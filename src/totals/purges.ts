/** The totals that a purge forgets: all of one customer, or those of one of its entitlements. */
export type PurgeTarget = { customerId: string; entitlementId?: string | undefined };

type Pair = { customerId: string; entitlementId: string };

/** A position in the order of purges. A number that was requested at an epoch is hit by every later purge of it. */
export type PurgeEpoch = number;

export type Purges = {
  /** To be read before a number is requested, and stored with it. */
  currentEpoch: () => PurgeEpoch;
  purge: (target: PurgeTarget) => void;
  /** Whether this pair was purged after `epoch`. */
  isPurged: (pair: Pair, epoch: PurgeEpoch) => boolean;
  /** Marks all current entries as suspect: purge messages may have been missed while disconnected. */
  markMissedPurges: () => void;
  mayHaveMissedPurge: (epoch: PurgeEpoch) => boolean;
};

/** Purges that are remembered one by one. */
const defaultMaxRemembered = 10_000;
const maxPending = 10_000;

/**
 * Remembers purges instead of searching for the entries that they hit. A purge costs the same however much is cached, and
 * it also hits the numbers that are still being requested.
 */
export function createPurges(maxRemembered = defaultMaxRemembered): Purges {
  const epochs = new Map<string, PurgeEpoch>();
  let current: PurgeEpoch = 0;
  // The latest purge that is no longer remembered: all older entries count as purged.
  let forgottenUpTo: PurgeEpoch = 0;
  let missedUpTo: PurgeEpoch = 0;

  function purge(target: PurgeTarget): void {
    current += 1;
    const name = toPurgeName(target);
    epochs.delete(name);
    epochs.set(name, current);
    if (epochs.size > maxRemembered) forgottenUpTo = deleteOldest(epochs) ?? forgottenUpTo;
  }

  function isPurged(pair: Pair, epoch: PurgeEpoch): boolean {
    if (epoch < forgottenUpTo) return true;
    if (epoch === current) return false;
    return epoch < (epochs.get(pair.customerId) ?? 0) || epoch < (epochs.get(toPurgeName(pair)) ?? 0);
  }

  function markMissedPurges(): void {
    current += 1;
    missedUpTo = current;
  }
  return {
    currentEpoch: () => current,
    purge,
    isPurged,
    markMissedPurges,
    mayHaveMissedPurge: (epoch) => epoch < missedUpTo,
  };
}

export type PendingPurges = {
  add: (target: PurgeTarget) => void;
  delete: (target: PurgeTarget) => void;
  has: (pair: Pair) => boolean;
  targets: () => readonly PurgeTarget[];
};

/** Purges not yet written to Redis. Matching Redis entries are ignored until they are. */
export function createPendingPurges(): PendingPurges {
  const targets = new Map<string, PurgeTarget>();
  return {
    add({ customerId, entitlementId }) {
      const target = { customerId, entitlementId };
      targets.set(toPurgeName(target), target);
      if (targets.size > maxPending) deleteOldest(targets);
    },
    delete: (target) => void targets.delete(toPurgeName(target)),
    has: (pair) => targets.size > 0 && (targets.has(pair.customerId) || targets.has(toPurgeName(pair))),
    targets: () => [...targets.values()],
  };
}

/** The name under which a purge of this target is remembered. */
export function toPurgeName({ customerId, entitlementId }: PurgeTarget): string {
  return entitlementId === undefined ? customerId : `${customerId}/${entitlementId}`;
}

/** A Map keeps the order in which its keys were set. */
function deleteOldest<Value>(map: Map<string, Value>): Value | undefined {
  for (const [name, value] of map) {
    map.delete(name);
    return value;
  }
  return undefined;
}
