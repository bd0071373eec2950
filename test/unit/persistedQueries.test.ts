import { describe, expect, it } from '@jest/globals';
import { createPersistedQueries } from '../../src/graphql/persistedQueries.ts';

const hashOf = (n: number) => `apq:${n.toString(16).padStart(64, '0')}`;

describe('the persisted queries', () => {
  it('are bounded by their length, and forget what was longest unused', async () => {
    const queries = createPersistedQueries(undefined);
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 60; n += 1) {
      await queries.set(hashOf(n), text);
      await queries.get(hashOf(0));
    }
    const kept = await Promise.all(Array.from({ length: 60 }, (_, n) => queries.get(hashOf(n))));
    expect(kept.filter((one) => one !== undefined)).toHaveLength(50);
    expect(kept[0]).toBe(text);
    expect(kept[1]).toBeUndefined();
  });

  it('forget what they are told to', async () => {
    const queries = createPersistedQueries(undefined);
    await queries.set(hashOf(1), 'x');
    await queries.delete(hashOf(1));
    expect(await queries.get(hashOf(1))).toBeUndefined();
  });

  it('ask nobody for what is no hash', async () => {
    const asked: unknown[] = [];
    const run = async (command: unknown) => void asked.push(command);
    const queries = createPersistedQueries({ run } as never);
    for (const key of ['apq:', 'apq:x', `apq:${'a'.repeat(65)}`, `${hashOf(1)}\n`, 'apq:__proto__'])
      expect(await queries.get(key)).toBeUndefined();
    expect(asked).toEqual([]);
    await queries.get(hashOf(1));
    expect(asked).toHaveLength(1);
  });
});
