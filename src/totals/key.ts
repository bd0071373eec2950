import type { TenantScope } from '../auth/tenant.ts';

export type KeyParts = {
  customerId: string;
  entitlementId: string;
  startDate: number | null;
  endDate: number | null;
};

declare const keyBrand: unique symbol;

/** Where a total is kept. */
export type CacheKey = KeyParts & {
  readonly [keyBrand]: true;
  scope: TenantScope;
  /** Made when it is first asked for. */
  text: string | undefined;
};

/** The only way to a key leads through a tenant. */
export function createCacheKey(scope: TenantScope, parts: KeyParts): CacheKey {
  const { customerId, entitlementId, startDate, endDate } = parts;
  return { scope, customerId, entitlementId, startDate, endDate, text: undefined } as CacheKey;
}

/** What was granted, to whomever: the entitlement and the window. */
export function toGrant({ entitlementId, startDate, endDate }: KeyParts): string {
  if (startDate === null && endDate === null) return entitlementId;
  return `${entitlementId}/${startDate ?? ''}/${endDate ?? ''}`;
}

/** A text that is equal for the same total of the same tenant, and for no other. */
export function toKeyText(key: CacheKey): string {
  const { scope, customerId, entitlementId, startDate, endDate } = key;
  key.text ??= `${scope}/${customerId}/${entitlementId}/${startDate ?? ''}/${endDate ?? ''}`;
  return key.text;
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
