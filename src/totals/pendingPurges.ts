import { type CacheKey, type PurgeTarget, toPurgeName } from './key.ts';

const maxTargets = 10_000;

/** What was forgotten here and Redis has not heard of: until it has, what it holds of that is not to be believed. */
export type Untold = {
  add: (target: PurgeTarget) => void;
  remove: (target: PurgeTarget) => void;
  has: (key: CacheKey) => boolean;
  targets: () => readonly PurgeTarget[];
};

export function createUntold(): Untold {
  const targets = new Map<string, PurgeTarget>();
  return {
    add({ customerId, entitlementId }) {
      const target = { customerId, entitlementId };
      targets.set(toPurgeName(target), target);
      const [oldest] = targets.keys();
      if (targets.size > maxTargets && oldest !== undefined) targets.delete(oldest);
    },
    remove: (target) => void targets.delete(toPurgeName(target)),
    has({ customerId, entitlementId }) {
      if (targets.size === 0) return false;
      return (
        targets.has(toPurgeName({ customerId })) || targets.has(toPurgeName({ customerId, entitlementId }))
      );
    },
    targets: () => [...targets.values()],
  };
}
