import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFairQueue, type Party } from '../../src/zenskar/fairQueue.ts';

const partyOf = (...members: object[]) =>
  ({ members: new Set(members), onJoin: undefined }) as Party & { members: Set<object> };
const patience = { signal: new AbortController().signal, timeoutMs: 60_000 };
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the line before the upstream', () => {
  it('admits as many at once as there are places', async () => {
    const queue = createFairQueue(2);
    const [first, second] = [queue.enter(), queue.enter()];
    expect([typeof first, typeof second, queue.enter()]).toEqual(['function', 'function', undefined]);
    first?.();
    expect(typeof queue.enter()).toBe('function');
  });

  it('goes turn by turn between groups, and in order within each', async () => {
    const queue = createFairQueue(1);
    const admitted: string[] = [];
    let release = queue.enter();
    const enqueue = (group: object, name: string) =>
      void queue.wait(partyOf(group), patience).then((next) => {
        admitted.push(name);
        release = next;
      });
    const [many, few] = [{}, {}];
    for (const name of ['m1', 'm2', 'm3', 'm4']) enqueue(many, name);
    for (const name of ['f1', 'f2']) enqueue(few, name);
    for (let n = 0; n < 6; n += 1) {
      release?.();
      await settle();
    }
    expect(admitted).toEqual(['m1', 'f1', 'm2', 'f2', 'm3', 'm4']);
  });

  it('admits a call at the first turn of any who wait for it, also of one who joined later, and once', async () => {
    const queue = createFairQueue(1);
    const release = queue.enter();
    const [many, single] = [{}, {}];
    const admitted: string[] = [];
    const parties = ['m1', 'm2', 'm3'].map((name) => {
      const party = partyOf(many);
      void queue.wait(party, patience).then((next) => {
        admitted.push(name);
        setImmediate(next);
      });
      return party;
    });
    const last = parties[2];
    last?.members.add(single);
    last?.onJoin?.(single);
    release?.();
    for (let n = 0; n < 6; n += 1) await settle();
    expect(admitted).toEqual(['m1', 'm3', 'm2']);
    expect(typeof queue.enter()).toBe('function');
  });

  it('lets a caller leave, and nobody wait for one who left', async () => {
    const queue = createFairQueue(1);
    const release = queue.enter();
    const leaving = new AbortController();
    const left = queue.wait(partyOf({}), { signal: leaving.signal, timeoutMs: 60_000 });
    const staying = queue.wait(partyOf({}), patience);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    release?.();
    expect(typeof (await staying)).toBe('function');
    await expect(queue.wait(partyOf({}), { signal: leaving.signal, timeoutMs: 60_000 })).rejects.toThrow(
      'gone',
    );
  });

  it('lets nobody wait for longer than they have time', async () => {
    const queue = createFairQueue(1);
    const release = queue.enter();
    const { signal } = patience;
    const impatient = queue.wait(partyOf({}), { signal, timeoutMs: 1 });
    const patient = queue.wait(partyOf({}), patience);
    await expect(impatient).rejects.toThrow('No place within 1 ms');
    release?.();
    expect(typeof (await patient)).toBe('function');
  });

  it('never has more under way than places, nor a free place while somebody waits', async () => {
    const action = fc.record({ kind: fc.constantFrom('come', 'end', 'leave'), pick: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (actions, limit) => {
          const queue = createFairQueue(limit);
          const groups = Array.from({ length: 3 }, () => ({}));
          const running: (() => void)[] = [];
          const waiting = new Set<AbortController>();
          for (const { kind, pick } of actions) {
            if (kind === 'come') {
              const place = queue.enter();
              if (place) running.push(place);
              else {
                const controller = new AbortController();
                waiting.add(controller);
                queue
                  .wait(partyOf(groups[pick % 3] ?? {}, groups[(pick * 7) % 3] ?? {}), {
                    signal: controller.signal,
                    timeoutMs: 60_000,
                  })
                  .then(
                    (release) => {
                      waiting.delete(controller);
                      running.push(release);
                    },
                    () => waiting.delete(controller),
                  );
              }
            } else if (kind === 'end') running.splice(pick % (running.length || 1), 1)[0]?.();
            else [...waiting][pick % (waiting.size || 1)]?.abort();
            await settle();
            expect(running.length).toBeLessThanOrEqual(limit);
            if (waiting.size > 0) expect(running.length).toBe(limit);
          }
        },
      ),
    );
  });
});
