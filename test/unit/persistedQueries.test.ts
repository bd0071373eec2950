import { describe, expect, it } from '@jest/globals';
import { createPersistedQueries } from '../../src/graphql/persistedQueries.ts';

const hashOf = (n: number) => `apq:${n.toString(16).padStart(64, '0')}`;

describe('the store of persisted queries', () => {
  it('is bounded by the length of its texts and evicts the least recently used one', async () => {
    const queries = createPersistedQueries(undefined);
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 60; n += 1) {
      await queries.set(hashOf(n), text);
      await queries.get(hashOf(0));
    }
    const kept = await Promise.all(Array.from({ length: 60 }, (_, n) => queries.get(hashOf(n))));
    expect(kept.filter((entry) => entry !== undefined)).toHaveLength(50);
    expect(kept[0]).toBe(text);
    expect(kept[1]).toBeUndefined();
  });

  it('does not return a deleted query', async () => {
    const queries = createPersistedQueries(undefined);
    await queries.set(hashOf(1), 'x');
    await queries.delete(hashOf(1));
    expect(await queries.get(hashOf(1))).toBeUndefined();
  });

  it('does not read Redis for a key that is not a hash', async () => {
    const commands: string[][] = [];
    const get = async (...command: string[]) => void commands.push(command);
    const queries = createPersistedQueries({ get } as never);
    for (const key of ['apq:', 'apq:x', `apq:${'a'.repeat(65)}`, `${hashOf(1)}\n`, 'apq:__proto__'])
      expect(await queries.get(key)).toBeUndefined();
    expect(commands).toEqual([]);
    await queries.get(hashOf(1));
    expect(commands).toEqual([[`zenskar-gateway:1:query:${hashOf(1)}`]]);
  });
});
