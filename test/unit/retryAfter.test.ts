import { describe, expect, it } from '@jest/globals';
import { parseRetryAfter } from '../../src/zenskar/retryAfter.ts';

const now = Date.UTC(2026, 0, 31, 9, 30, 0);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120],
    ['Sat, 31 Jan 2026 09:30:10 GMT', 10],
    ['Saturday, 31-Jan-26 09:30:10 GMT', 10],
    ['Sat Jan 31 09:30:10 2026', 10],
    ['Sat, 31 Jan 2026 09:29:00 GMT', 0],
  ])('%s is %i seconds', (value, seconds) => {
    expect(parseRetryAfter(value, now)).toBe(seconds);
  });

  it.each([undefined, '', '-1', '1.5', 'soon', 'NaN', '99999999999'])('%s is not known', (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined();
  });
});
