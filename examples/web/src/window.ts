/** Days such as `2026-01-31`, both inclusive; undefined for an open end. */
export type Days = { from: string | undefined; to: string | undefined };

/** A GraphQL `Int` has 32 bits, so seconds end in January 2038. */
export const firstDay = '2000-01-01';
export const lastDay = '2037-12-31';

export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < firstDay || text > lastDay) return false;
  const date = new Date(`${text}T00:00:00Z`);
  // 30 February becomes 2 March, or is invalid.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/**
 * The window in Unix seconds, from the start of the first day to the end of the last in the time zone of the user. A day on
 * which clocks change has 23 or 25 hours. The end is exclusive: the start of the next day.
 */
export function toWindow({ from, to }: Days): { startDate?: number; endDate?: number } {
  return {
    ...(from === undefined ? {} : { startDate: startOfDay(from, 0) }),
    ...(to === undefined ? {} : { endDate: startOfDay(to, 1) }),
  };
}

/** If clocks skip midnight, `Date` returns the instant of the change; if midnight occurs twice, the first one. */
function startOfDay(day: string, daysLater: number): number {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).getTime() / 1000;
}

export function timeZoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
