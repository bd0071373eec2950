import type { TenantScope } from '../tenant.ts';

declare const keyBrand: unique symbol;
/** A text that is equal for the same total of the same tenant, and for no other. */
type ScopedText = string & { readonly [keyBrand]: true };

type KeyParts = {
  customerId: string;
  entitlementId: string;
  startDate: number | null;
  endDate: number | null;
};

/** Where a total is kept. */
export type CacheKey = KeyParts & { text: ScopedText };

/** The only way to a key leads through a tenant. */
export function createCacheKey(scope: TenantScope, parts: KeyParts): CacheKey {
  const { customerId, entitlementId, startDate, endDate } = parts;
  const text = `${scope}/${customerId}/${entitlementId}/${startDate ?? ''}/${endDate ?? ''}` as ScopedText;
  return { text, customerId, entitlementId, startDate, endDate };
}

/** What is kept of a total. */
export type Entry = {
  quantity: number | null;
  /** When the upstream gave it, in milliseconds since the epoch. */
  asOfMs: number;
};

/** The totals that a purge forgets: all of one customer, or those of one of its entitlements. */
export type PurgeTarget = { customerId: string; entitlementId?: string | undefined };

/** The name under which a purge of this target is remembered. */
export function toPurgeName({ customerId, entitlementId }: PurgeTarget): string {
  return entitlementId === undefined ? customerId : `${customerId}/${entitlementId}`;
}
