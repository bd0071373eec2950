import { describe, expect, it } from '@jest/globals';
import { createPendingWrites } from '../../src/totals/pendingWrites.ts';

/** Writes that end when the test says so. */
function createWrites() {
  const attempts: string[] = [];
  const counts: number[] = [];
  let isUp = false;
  const pending = createPendingWrites<string>({
    write: async (item) => {
      attempts.push(item);
      return isUp;
    },
    onCount: (count) => counts.push(count),
    onDrop: () => counts.push(-1),
  });
  return {
    pending,
    attempts,
    counts,
    setUp: (up: boolean) => {
      isUp = up;
    },
  };
}

describe('the pending writes', () => {
  it('contain a write from its beginning until it has succeeded', async () => {
    const { pending, counts, setUp } = createWrites();
    setUp(true);
    const written = pending.write('a', 'item');
    expect(pending.has('a')).toBe(true);
    expect([await written, pending.has('a'), counts]).toEqual([true, false, [1, 0]]);
  });

  it('keep a write that failed, and write it at a later retry', async () => {
    const { pending, attempts, setUp } = createWrites();
    expect([await pending.write('a', 'item'), pending.has('a')]).toEqual([false, true]);
    await pending.retry();
    expect(pending.has('a')).toBe(true);
    setUp(true);
    await pending.retry();
    expect([pending.has('a'), attempts]).toEqual([false, ['item', 'item', 'item']]);
  });

  it('keep a later write of the same name when an earlier one succeeds', async () => {
    const ends: ((isWritten: boolean) => void)[] = [];
    const pending = createPendingWrites<number>({
      write: () => new Promise((resolve) => ends.push(resolve)),
      onDrop: () => {},
    });
    const first = pending.write('a', 1);
    const second = pending.write('a', 2);
    ends[0]?.(true);
    expect([await first, pending.has('a')]).toEqual([true, true]);
    ends[1]?.(false);
    expect([await second, pending.has('a')]).toEqual([false, true]);
  });

  it('stop a retry after the first hundred if one of them fails, and begin the next retry with others', async () => {
    const { pending, attempts, setUp } = createWrites();
    for (let n = 0; n < 250; n += 1) pending.add(String(n), String(n));
    await pending.retry();
    expect(attempts).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    setUp(true);
    await pending.retry();
    expect(attempts[100]).toBe('100');
    expect([attempts.length, pending.has('0')]).toEqual([350, false]);
  });

  it('are written once by retries that overlap', async () => {
    const { pending, attempts, setUp } = createWrites();
    setUp(true);
    pending.add('a', 'item');
    await Promise.all([pending.retry(), pending.retry()]);
    expect(attempts).toEqual(['item']);
  });

  it('are bounded: the oldest of more than 10,000 is dropped', () => {
    const { pending, counts } = createWrites();
    for (let n = 0; n <= 10_000; n += 1) pending.add(String(n), '');
    expect([counts.slice(-2), pending.has('0'), pending.has('1')]).toEqual([[-1, 10_000], false, true]);
  });
});
