import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createRateLimiter, type RateLimiter } from '../../src/auth/rateLimiter.ts';

const startMs = 3_600_000;

beforeEach(() => {
  // The library reads Date and sets a timer for each window; everything else keeps its own time.
  jest.useFakeTimers({
    now: startMs,
    doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'],
  });
});
afterEach(() => {
  jest.useRealTimers();
});

async function createLimiter(redis?: Parameters<typeof createRateLimiter>[0]['redis']): Promise<RateLimiter> {
  const limiter = await createRateLimiter({ pointsPerMinute: 10, redis });
  if (limiter === undefined) throw new Error('There is no limit.');
  return limiter;
}

/** Whether the limiter accepts each of these, one after the other. */
async function consumeAll(limiter: RateLimiter, requests: [caller: string, points: number][]) {
  const accepted: boolean[] = [];
  for (const [caller, points] of requests) {
    accepted.push(
      await limiter.consume(caller, points).then(
        () => true,
        () => false,
      ),
    );
  }
  return accepted;
}

describe('the rate limiter without Redis', () => {
  it('gives each caller a window of a minute that begins with its first request', async () => {
    const limiter = await createLimiter();
    expect(
      await consumeAll(limiter, [
        ['a', 10],
        ['a', 1],
      ]),
    ).toEqual([true, false]);
    jest.advanceTimersByTime(30_000);
    expect(
      await consumeAll(limiter, [
        ['b', 10],
        ['b', 1],
        ['a', 1],
      ]),
    ).toEqual([true, false, false]);
    jest.advanceTimersByTime(30_000);
    expect(
      await consumeAll(limiter, [
        ['b', 1],
        ['a', 10],
        ['a', 1],
      ]),
    ).toEqual([false, true, false]);
    jest.advanceTimersByTime(30_000);
    expect(
      await consumeAll(limiter, [
        ['b', 10],
        ['b', 1],
        ['a', 1],
      ]),
    ).toEqual([true, false, false]);
  });

  it('rejects with RATE_LIMITED and the seconds until the window ends', async () => {
    const limiter = await createLimiter();
    await limiter.consume('a', 10);
    jest.advanceTimersByTime(29_500);
    await expect(limiter.consume('a', 1)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Rate limit of 10 per minute exceeded.',
      retryAfterSeconds: 31,
      reason: 'caller a',
    });
  });

  it('consumes no points for rejected requests, also in the last second of a window', async () => {
    const limiter = await createLimiter();
    expect(
      await consumeAll(limiter, [
        ['a', 7],
        ['a', 4],
        ['a', 3],
        ['a', 1],
      ]),
    ).toEqual([true, false, true, false]);
    await limiter.consume('b', 3);
    jest.advanceTimersByTime(59_500);
    expect(
      await consumeAll(limiter, [
        ['b', 8],
        ['b', 7],
        ['b', 1],
      ]),
    ).toEqual([false, true, false]);
  });

  it('does not extend a window when the clock is set back', async () => {
    const limiter = await createLimiter();
    await limiter.consume('a', 10);
    jest.setSystemTime(0);
    await expect(limiter.consume('a', 1)).rejects.toMatchObject({ retryAfterSeconds: 60 });
    expect(
      await consumeAll(limiter, [
        ['b', 10],
        ['b', 1],
      ]),
    ).toEqual([true, false]);
    jest.advanceTimersByTime(60_000);
    expect(
      await consumeAll(limiter, [
        ['a', 10],
        ['a', 1],
        ['b', 10],
        ['b', 1],
      ]),
    ).toEqual([true, false, true, false]);
  });

  it('keeps nothing of a caller after its window', async () => {
    const limiter = await createLimiter();
    for (let n = 0; n < 1000; n += 1) await limiter.consume(`caller ${n}`, 1);
    expect(jest.getTimerCount()).toBe(1000);
    jest.advanceTimersByTime(60_000);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the rate limiter with Redis', () => {
  /** A Redis in which more is consumed than the limit allows, and the window lasts this much longer. */
  async function rejectWith(msBeforeNext: number): Promise<string[]> {
    const changes: string[] = [];
    const evaluate = async (_: string, { arguments: [points = ''] }: { arguments: string[] }) => {
      changes.push(points);
      return [11, msBeforeNext];
    };
    const limiter = await createLimiter({ eval: evaluate });
    await expect(limiter.consume('caller', 5)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    return changes;
  }

  it('gives the points of a rejected request back', async () => {
    expect(await rejectWith(30_000)).toEqual(['5', '-5']);
  });

  it('does not give points back to the next window', async () => {
    expect(await rejectWith(900)).toEqual(['5']);
  });

  it('limits callers in this process while Redis fails', async () => {
    const limiter = await createLimiter({ eval: () => Promise.reject(new Error('Redis is down.')) });
    expect(
      await consumeAll(limiter, [
        ['a', 7],
        ['a', 4],
        ['a', 3],
        ['a', 1],
        ['b', 10],
      ]),
    ).toEqual([true, false, true, false, true]);
  });
});

describe('a rate limit of 0 points', () => {
  it('creates no rate limiter', async () => {
    expect(await createRateLimiter({ pointsPerMinute: 0, redis: undefined })).toBeUndefined();
  });
});
