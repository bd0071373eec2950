import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRetryBudget, decideRetry, parseRetryAfter } from '../../src/zenskar/retry.ts';

const retry = { attempts: 1, retries: 2, remainingMs: 5000, retryAfterMs: 0, random: 0.5 };

describe('decideRetry', () => {
  it('allows as many retries as are configured', () => {
    expect(decideRetry(retry)).toBe(50);
    expect(decideRetry({ ...retry, attempts: 2 })).toBe(100);
    expect(decideRetry({ ...retry, attempts: 3 })).toBeUndefined();
    expect(decideRetry({ ...retry, retries: 0 })).toBeUndefined();
  });

  it('waits at least the Retry-After time, and does not retry if that exceeds the time until the deadline', () => {
    expect(decideRetry({ ...retry, retryAfterMs: 1000 })).toBe(1050);
    expect(decideRetry({ ...retry, retryAfterMs: 5000 })).toBeUndefined();
  });

  it('never pauses longer than the doubled backoff or the time until the deadline', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(6000),
        (attempts, random, remainingMs) => {
          const pauseMs = decideRetry({ ...retry, attempts, retries: 10, random, remainingMs });
          if (pauseMs === undefined) return;
          expect(attempts).toBeLessThanOrEqual(10);
          expect(pauseMs).toBeLessThan(remainingMs);
          expect(pauseMs).toBeLessThanOrEqual(Math.min(2000, 100 * 2 ** (attempts - 1)));
        },
      ),
    );
  });
});

describe('parseRetryAfter', () => {
  const nowMs = Date.UTC(2026, 0, 31, 9, 30, 0);

  it.each([
    ['0', 0],
    ['120', 120],
    ['301', 300],
    ['99999999999', 300],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 300],
    ['Sat, 31 Jan 2026 09:30:10 GMT', 10],
    ['Saturday, 31-Jan-26 09:30:10 GMT', 10],
    ['Sat Jan 31 09:30:10 2026', 10],
    ['Sat, 31 Jan 2026 09:29:00 GMT', 0],
  ])('reads "%s" as %i seconds', (value, seconds) => {
    expect(parseRetryAfter(value, nowMs)).toBe(seconds);
  });

  it.each([undefined, '', '-1', '1.5', 'soon', 'NaN'])(
    'reads an absent or invalid header such as "%s" as undefined',
    (value) => {
      expect(parseRetryAfter(value, nowMs)).toBeUndefined();
    },
  );
});

describe('the retry budget', () => {
  function createTestBudget() {
    const clock = { nowMs: 0 };
    const budget = createRetryBudget(() => clock.nowMs);
    const takeRetries = (times: number) =>
      Array.from({ length: times }, () => budget.takeRetry()).filter(Boolean).length;
    const countCalls = (times: number) => {
      for (let n = 0; n < times; n += 1) budget.countCall();
    };
    return { clock, takeRetries, countCalls };
  }

  it('allows ten retries under light traffic', () => {
    expect(createTestBudget().takeRetries(50)).toBe(10);
  });

  it('allows retries for a fifth of the calls under load', () => {
    const { takeRetries, countCalls } = createTestBudget();
    countCalls(1000);
    expect(takeRetries(500)).toBe(200);
  });

  it('allows retries again once earlier ones are ten seconds old', () => {
    const { clock, takeRetries, countCalls } = createTestBudget();
    countCalls(1000);
    takeRetries(500);
    clock.nowMs = 9_999;
    expect(takeRetries(5)).toBe(0);
    clock.nowMs = 10_000;
    expect(takeRetries(50)).toBe(10);
  });

  it('forgets retries that are ten seconds old also if the clock was set back in between', () => {
    const { clock, takeRetries } = createTestBudget();
    clock.nowMs = 100_000;
    expect(takeRetries(1)).toBe(1);
    clock.nowMs = 90_000;
    expect(takeRetries(50)).toBe(9);
    clock.nowMs = 100_000;
    expect(takeRetries(50)).toBe(9);
  });
});
