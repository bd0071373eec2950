import { AppError } from '../errors.ts';

/** Names one total: ids in canonical form, dates in Unix seconds, null for an open end. */
export type TotalKey = {
  entitlementId: string;
  customerId: string;
  startDate: number | null;
  endDate: number | null;
};

/** How much was granted, and how current that number is. */
export type Total = TotalKey & {
  quantity: number | null;
  /** When the upstream gave this number, in milliseconds since the epoch. */
  asOfMs: number;
  /** Older than its freshness time. */
  stale: boolean;
};

/** The dates that a calendar from year 1 to 9999 can name; the upstream crashes on others. */
const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;

type TotalArguments = {
  entitlementId: string;
  customerId: string;
  startDate?: number | null;
  endDate?: number | null;
};

/** Makes the key of the arguments, or throws `BAD_USER_INPUT` where no upstream could answer them. */
export function toTotalKey(asked: TotalArguments): TotalKey {
  const { entitlementId, customerId, startDate = null, endDate = null } = asked;
  refuseImpossible('startDate', startDate);
  refuseImpossible('endDate', endDate);
  if (startDate !== null && endDate !== null && startDate > endDate) {
    throw badArgument('startDate', 'is after endDate');
  }
  return { entitlementId, customerId, startDate, endDate };
}

function refuseImpossible(argument: string, seconds: number | null): void {
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
