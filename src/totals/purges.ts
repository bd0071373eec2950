import { type PurgeTarget, toPurgeName } from './key.ts';

/** A moment in the order of purges: what began at it is outlived by every purge that comes later. */
export type Moment = number;

type Pair = Required<PurgeTarget>;

export type Purges = {
  /** To be taken before a number is asked for, and kept with it. */
  moment: () => Moment;
  purge: (target: PurgeTarget) => void;
  /** Whether a purge came after this key's number was asked for. */
  isPurged: (pair: Pair, since: Moment) => boolean;
  /** From now on, doubts everything older: purges may have happened without being heard. */
  doubt: () => void;
  isDoubtful: (since: Moment) => boolean;
};

/**
 * Remembers purges instead of looking for what they hit. A purge costs the same however much is cached, and it also
 * hits the number that is still on its way.
 */
export function createPurges(maxRemembered = 10_000): Purges {
  const remembered = new Map<string, Moment>();
  let current: Moment = 0;
  // Purges up to here are no longer told apart: whatever is older counts as purged.
  let forgottenUpTo: Moment = 0;
  let doubtedUpTo: Moment = 0;

  function forgetOldest(): void {
    for (const [name, moment] of remembered) {
      remembered.delete(name);
      forgottenUpTo = moment;
      return;
    }
  }

  return {
    moment: () => current,
    purge(target) {
      current += 1;
      const name = toPurgeName(target);
      remembered.delete(name);
      remembered.set(name, current);
      if (remembered.size > maxRemembered) forgetOldest();
    },
    isPurged(pair, since) {
      if (since < forgottenUpTo) return true;
      if (since === current) return false;
      const { customerId } = pair;
      return since < (remembered.get(customerId) ?? 0) || since < (remembered.get(toPurgeName(pair)) ?? 0);
    },
    doubt() {
      current += 1;
      doubtedUpTo = current;
    },
    isDoubtful: (since) => since < doubtedUpTo,
  };
}
