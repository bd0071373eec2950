import { describe, expect, it } from '@jest/globals';
import { createRateLimit } from '../../src/auth/rateLimit.ts';

/** A Redis that says that too much was asked for, and how long the window still lasts. */
async function refusedWith(msBeforeNext: number): Promise<string[]> {
  const changes: string[] = [];
  const run = async (_: string, { arguments: [units = ''] }: { arguments: string[] }) => {
    changes.push(units);
    return [11, msBeforeNext];
  };
  const charge = await createRateLimit({ unitsPerMinute: 10, redis: { eval: run } });
  await expect(charge?.('caller', 5)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
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

describe('no limit', () => {
  it('costs nothing', async () => {
    expect(await createRateLimit({ unitsPerMinute: 0, redis: undefined })).toBeUndefined();
  });
});
