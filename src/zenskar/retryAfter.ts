/**
 * Seconds until a `Retry-After` header allows the next call (RFC 9110, section 10.2.3: a number of seconds or an
 * HTTP date), never negative; undefined where there is none or it cannot be read.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  // Date.parse alone would take many texts that are no HTTP date, such as "-1".
  const dateMs = /^[A-Za-z]{3,9},? .*\d/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, Math.ceil((dateMs - nowMs) / 1000));
}
