import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideRetry } from '../../src/zenskar/retry.ts';
import { createRetryBudget } from '../../src/zenskar/retryBudget.ts';

const answered = (status: number) =>
  ({ kind: 'answered', status, body: '', headers: { retryAfter: undefined, ids: {} } }) as const;
const question = {
  outcome: answered(503),
  attempts: 1,
  retries: 2,
  remainingMs: 5000,
  retryAfterMs: undefined,
  random: 0.5,
};

describe('a retry', () => {
  it.each([408, 429, 500, 502, 503, 504, 599])('follows a %i', (status) => {
    expect(decideRetry({ ...question, outcome: answered(status) })).toBe(50);
  });

  it.each([{ kind: 'timeout' }, { kind: 'connection', reason: 'ECONNRESET' }] as const)(
    'follows a $kind',
    (outcome) => {
      expect(decideRetry({ ...question, outcome })).toBe(50);
    },
  );

  it.each([200, 204, 302, 400, 401, 403, 404, 418, 422])('does not follow a %i', (status) => {
    expect(decideRetry({ ...question, outcome: answered(status) })).toBeUndefined();
  });

  it.each([{ kind: 'aborted' }, { kind: 'too_large' }] as const)(
    'does not follow what is $kind',
    (outcome) => {
      expect(decideRetry({ ...question, outcome })).toBeUndefined();
    },
  );

  it('is made as often as configured', () => {
    expect(decideRetry({ ...question, attempts: 2 })).toBe(100);
    expect(decideRetry({ ...question, attempts: 3 })).toBeUndefined();
    expect(decideRetry({ ...question, retries: 0 })).toBeUndefined();
  });

  it('waits at least as long as the upstream asked for', () => {
    expect(decideRetry({ ...question, retryAfterMs: 1000 })).toBe(1050);
    expect(decideRetry({ ...question, retryAfterMs: 5000 })).toBeUndefined();
  });

  it('never pauses longer than doubling allows, nor beyond the deadline', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(6000),
        (attempts, random, remainingMs) => {
          const pauseMs = decideRetry({ ...question, attempts, retries: 10, random, remainingMs });
          if (pauseMs === undefined) return;
          expect(attempts).toBeLessThanOrEqual(10);
          expect(pauseMs).toBeLessThan(remainingMs);
          expect(pauseMs).toBeLessThanOrEqual(Math.min(2000, 100 * 2 ** (attempts - 1)));
        },
      ),
    );
  });
});

describe('the retry budget', () => {
  function createBudget() {
    const clock = { nowMs: 0 };
    const budget = createRetryBudget(() => clock.nowMs);
    const take = (times: number) =>
      Array.from({ length: times }, () => budget.takeRetry()).filter(Boolean).length;
    const call = (times: number) => {
      for (let n = 0; n < times; n += 1) budget.recordCall();
    };
    return { clock, take, call };
  }

  it('is ten under light traffic', () => {
    expect(createBudget().take(50)).toBe(10);
  });

  it('is a fifth of the calls under load', () => {
    const { take, call } = createBudget();
    call(1000);
    expect(take(500)).toBe(200);
  });

  it('comes back as the window slides', () => {
    const { clock, take, call } = createBudget();
    call(1000);
    take(500);
    clock.nowMs = 9_999;
    expect(take(5)).toBe(0);
    clock.nowMs = 10_000;
    expect(take(50)).toBe(10);
  });

  it('forgets what is older also where the clock was set back meanwhile', () => {
    const { clock, take } = createBudget();
    clock.nowMs = 100_000;
    expect(take(1)).toBe(1);
    clock.nowMs = 90_000;
    expect(take(50)).toBe(9);
    clock.nowMs = 100_000;
    expect(take(50)).toBe(9);
  });
});
