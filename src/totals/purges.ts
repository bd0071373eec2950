import { z } from 'zod';

/** The totals that a purge removes: all of one customer, or those of one of its entitlements. */
export const purgeTarget = z.object({ customerId: z.string(), entitlementId: z.string().optional() });
export type PurgeTarget = z.output<typeof purgeTarget>;

type Pair = { customerId: string; entitlementId: string };

/** A position in the order of purges. A number that was requested at an epoch is hit by every later purge of it. */
export type PurgeEpoch = number;

export type Purges = {
  /** To be read before a number is requested, and stored with it. */
  currentEpoch: () => PurgeEpoch;
  purge: (target: PurgeTarget) => void;
  /** Whether this pair was purged after `epoch`. */
  isPurged: (pair: Pair, epoch: PurgeEpoch) => boolean;
  /** Marks all current entries as suspect: messages of purges may have been missed. */
  markMissedPurges: () => void;
  /** Whether messages may have been missed between `epoch` and now, by the monotonic clock. */
  mayHaveMissedPurge: (epoch: PurgeEpoch, nowMs: number) => boolean;
  /** Whether messages were, or began to be, missed after `epoch`. */
  isBeforeMissedPurges: (epoch: PurgeEpoch) => boolean;
};

type PurgesSettings = {
  /** Until then, by the monotonic clock, all messages of other replicas are received. */
  hearsUntilMs?: (() => number) | undefined;
  /** Purges that are remembered one by one. */
  maxRemembered?: number;
};

/**
 * Remembers purges instead of searching for the entries that they hit. A purge costs the same however much is cached, and
 * it also hits the numbers that are still being requested.
 */
export function createPurges({
  hearsUntilMs = () => Number.POSITIVE_INFINITY,
  maxRemembered = 10_000,
}: PurgesSettings = {}): Purges {
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
  const isBeforeMissedPurges = (epoch: PurgeEpoch) => epoch < missedUpTo;
  return {
    currentEpoch: () => current,
    purge,
    isPurged,
    markMissedPurges,
    mayHaveMissedPurge: (epoch, nowMs) => epoch < missedUpTo || nowMs > hearsUntilMs(),
    isBeforeMissedPurges,
  };
}

/** The marks of the latest purges of a pair in Redis when they were read; null without one. An entry stored under others is void. */
export type PurgeVersion = readonly [customer: string | null, pair: string | null];

/** Shared, because most pairs have no mark. */
export const noMarks: PurgeVersion = [null, null];

/** Whether one of these marks differs from that under which a number was requested. A mark that is missing has expired. */
export function isVoidedBy(marks: PurgeVersion, version: PurgeVersion = noMarks): boolean {
  return marks.some((mark, n) => mark !== null && mark !== version[n]);
}

/** The name under which a purge of this target is remembered. */
export function toPurgeName({ customerId, entitlementId }: PurgeTarget): string {
  return entitlementId === undefined ? customerId : `${customerId}/${entitlementId}`;
}

/** A Map keeps the order in which its keys were set. */
export function deleteOldest<Value>(map: Map<string, Value>): Value | undefined {
  for (const [name, value] of map) {
    map.delete(name);
    return value;
  }
  return undefined;
}
