import type { TenantScope } from '../auth/tenant.ts';
import { AppError } from '../errors.ts';

/** What a client asks for: ids in canonical form, dates in Unix seconds. */
export type TotalArguments = {
  entitlementId: string;
  customerId: string;
  startDate?: number | null;
  endDate?: number | null;
};

declare const keyBrand: unique symbol;

/** Names one total of one tenant, in the loader, the memory, Redis and the single flight alike. */
export type TotalKey = Required<TotalArguments> & {
  readonly [keyBrand]: true;
  scope: TenantScope;
  /** Equal for the same total of the same tenant, and for no other. */
  text: string;
};

/** What is cached of a total. */
export type Entry = {
  quantity: number | null;
  /** When the upstream gave this number, by the wall clock of the replica that asked. Only for clients. */
  asOfMs: number;
  /** The same by this process's monotonic clock, for its age. */
  receivedAtMs: number;
};

/** How much was granted, and how current that number is. */
export type Total = Required<TotalArguments> &
  Entry & {
    /** Older than its freshness time. */
    stale: boolean;
  };

/** The dates that a calendar from year 1 to 9999 can name; the upstream crashes on others. */
const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;

/** The only way to make a key, so no key lacks a tenant. Throws `BAD_USER_INPUT` for impossible dates. */
export function toTotalKey(scope: TenantScope, asked: TotalArguments): TotalKey {
  const { entitlementId, customerId, startDate = null, endDate = null } = asked;
  checkDate('startDate', startDate);
  checkDate('endDate', endDate);
  if (startDate !== null && endDate !== null && startDate > endDate) {
    throw badArgument('startDate', 'is after endDate');
  }
  // Joining two empty dates doubles the time that the text takes (measured), and most totals have none.
  const window = startDate === null && endDate === null ? '/' : `${startDate ?? ''}/${endDate ?? ''}`;
  const text = `${scope}/${customerId}/${entitlementId}/${window}`;
  return { scope, entitlementId, customerId, startDate, endDate, text } as TotalKey;
}

function checkDate(argument: string, seconds: number | null): void {
  if (seconds !== null && (seconds < firstSecond || seconds > lastSecond)) {
    throw badArgument(argument, 'is no date in Unix seconds');
  }
}

function badArgument(argument: string, complaint: string): AppError {
  const msg = `${argument} ${complaint}`;
  return new AppError('BAD_USER_INPUT', `${msg}.`, {
    validationErrors: [{ loc: [argument], msg, type: 'date', argument }],
  });
}

export function toTotal(key: TotalKey, { quantity, asOfMs, receivedAtMs }: Entry, stale: boolean): Total {
  const { entitlementId, customerId, startDate, endDate } = key;
  return { entitlementId, customerId, startDate, endDate, quantity, asOfMs, receivedAtMs, stale };
}
