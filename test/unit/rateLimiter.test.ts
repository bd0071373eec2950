import { describe, expect, it } from '@jest/globals';
import { createRateLimiter } from '../../src/auth/rateLimiter.ts';

/** A Redis that says that too much was asked for, and how long the window still lasts. */
async function refusedWith(msBeforeNext: number): Promise<string[]> {
  const changes: string[] = [];
  const run = async (_: string, { arguments: [units = ''] }: { arguments: string[] }) => {
    changes.push(units);
    return [11, msBeforeNext];
  };
  const limit = await createRateLimiter({ pointsPerMinute: 10, redis: { eval: run }, now: () => 0 });
  await expect(limit?.consume('caller', 5)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
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
    const limit = await createRateLimiter({ pointsPerMinute: 10, redis: undefined, now: () => nowMs });
    const take = (caller: string, points: number) =>
      limit?.consume(caller, points).then(
        () => true,
        () => false,
      );
    expect(await Promise.all([take('a', 7), take('a', 4), take('a', 3), take('a', 1)])).toEqual([
      true,
      false,
      true,
      false,
    ]);
    nowMs = 30_000;
    expect(await Promise.all([take('b', 10), take('b', 1), take('a', 1)])).toEqual([true, false, false]);
    await expect(limit?.consume('a', 1)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: 30,
    });
    nowMs = 60_000;
    expect(await Promise.all([take('b', 1), take('a', 10), take('a', 1)])).toEqual([false, true, false]);
    nowMs = 90_000;
    await limit?.consume('b', 10);
    expect(await Promise.all([take('b', 1), take('a', 1)])).toEqual([false, false]);
  });
});

describe('a clock that is set back', () => {
  it('leaves nobody in a window that does not end', async () => {
    let nowMs = 3_600_000;
    const limit = await createRateLimiter({ pointsPerMinute: 10, redis: undefined, now: () => nowMs });
    const take = (caller: string, points: number) =>
      limit?.consume(caller, points).then(
        () => true,
        () => false,
      );
    expect(take('early', 10)).toBe(true);
    nowMs = 0;
    expect(await Promise.all([take('early', 10), take('a', 10), take('a', 1)])).toEqual([true, true, false]);
    nowMs = 60_000;
    expect(await Promise.all([take('early', 10), take('a', 10), take('a', 1)])).toEqual([true, true, false]);
  });
});

describe('no limit', () => {
  it('costs nothing', async () => {
    expect(await createRateLimiter({ pointsPerMinute: 0, redis: undefined, now: () => 0 })).toBeUndefined();
  });
});
