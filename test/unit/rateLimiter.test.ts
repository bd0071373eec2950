import { describe, expect, it } from '@jest/globals';
import { createRateLimit } from '../../src/auth/rateLimiter.ts';

/** A Redis that says that too much was asked for, and how long the window still lasts. */
async function refusedWith(msBeforeNext: number): Promise<string[]> {
  const changes: string[] = [];
  const run = async (_: string, { arguments: [units = ''] }: { arguments: string[] }) => {
    changes.push(units);
    return [11, msBeforeNext];
  };
  const limit = await createRateLimit({ unitsPerMinute: 10, redis: { eval: run }, now: () => 0 });
  expect(limit?.chargeAtOnce).toBeUndefined();
  await expect(limit?.charge('caller', 5)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  return changes;
}

describe('what is refused', () => {
  it('is given back', async () => {
    expect(await refusedWith(30_000)).toEqual(['5', '-5']);
  });

  it('is not given back to the next window', async () => {
    expect(await refusedWith(900)).toEqual(['5']);
  });
});

describe('a limit of this process alone', () => {
  it('has a window of a minute for each caller, which begins with its first question', async () => {
    let nowMs = 0;
    const limit = await createRateLimit({ unitsPerMinute: 10, redis: undefined, now: () => nowMs });
    const take = (caller: string, units: number) => limit?.chargeAtOnce?.(caller, units);
    expect([take('a', 7), take('a', 4), take('a', 3), take('a', 1)]).toEqual([true, false, true, false]);
    nowMs = 30_000;
    expect([take('b', 10), take('b', 1), take('a', 1)]).toEqual([true, false, false]);
    await expect(limit?.charge('a', 1)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: 30,
    });
    nowMs = 60_000;
    expect([take('b', 1), take('a', 10), take('a', 1)]).toEqual([false, true, false]);
    nowMs = 90_000;
    await limit?.charge('b', 10);
    expect([take('b', 1), take('a', 1)]).toEqual([false, false]);
  });
});

describe('a clock that is set back', () => {
  it('leaves nobody in a window that does not end', async () => {
    let nowMs = 3_600_000;
    const limit = await createRateLimit({ unitsPerMinute: 10, redis: undefined, now: () => nowMs });
    const take = (caller: string, units: number) => limit?.chargeAtOnce?.(caller, units);
    expect(take('early', 10)).toBe(true);
    nowMs = 0;
    expect([take('early', 10), take('a', 10), take('a', 1)]).toEqual([true, true, false]);
    nowMs = 60_000;
    expect([take('early', 10), take('a', 10), take('a', 1)]).toEqual([true, true, false]);
  });
});

describe('no limit', () => {
  it('costs nothing', async () => {
    expect(await createRateLimit({ unitsPerMinute: 0, redis: undefined, now: () => 0 })).toBeUndefined();
  });
});
