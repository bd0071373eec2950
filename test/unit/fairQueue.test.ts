import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import {
  type AcquireOptions,
  createFairQueue,
  createWaiters,
  type Release,
} from '../../src/zenskar/fairQueue.ts';

const minute = 60_000;
const options: AcquireOptions = { signal: new AbortController().signal, timeoutMs: minute };
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the fair queue', () => {
  it('admits as many calls at once as it has places', () => {
    const queue = createFairQueue(2);
    const [first, second] = [queue.tryAcquire(), queue.tryAcquire()];
    expect([typeof first, typeof second, queue.tryAcquire()]).toEqual(['function', 'function', undefined]);
    first?.();
    expect(typeof queue.tryAcquire()).toBe('function');
  });

  it('is idle only while no call runs', () => {
    const queue = createFairQueue(2);
    expect(queue.isIdle()).toBe(true);
    const release = queue.tryAcquire();
    expect(queue.isIdle()).toBe(false);
    release?.();
    expect(queue.isIdle()).toBe(true);
  });

  it('admits calls turn by turn between requesters, and in order within each requester', async () => {
    const queue = createFairQueue(1);
    const admitted: string[] = [];
    let release = queue.tryAcquire();
    const enqueue = (requester: object, name: string) =>
      void queue.acquire(createWaiters(requester), options).then((next) => {
        admitted.push(name);
        release = next;
      });
    const [busyRequester, otherRequester] = [{}, {}];
    for (const name of ['m1', 'm2', 'm3', 'm4']) enqueue(busyRequester, name);
    for (const name of ['f1', 'f2']) enqueue(otherRequester, name);
    for (let n = 0; n < 6; n += 1) {
      release?.();
      await settle();
    }
    expect(admitted).toEqual(['m1', 'f1', 'm2', 'f2', 'm3', 'm4']);
  });

  it('admits a call once, at the first turn of any of its requesters, including one that joined later', async () => {
    const queue = createFairQueue(1);
    const release = queue.tryAcquire();
    const [busyRequester, otherRequester] = [{}, {}];
    const admitted: string[] = [];
    const calls = ['m1', 'm2', 'm3'].map((name) => {
      const waiters = createWaiters(busyRequester);
      void queue.acquire(waiters, options).then((next) => {
        admitted.push(name);
        setImmediate(next);
      });
      return waiters;
    });
    calls[2]?.add(otherRequester);
    release?.();
    for (let n = 0; n < 6; n += 1) await settle();
    expect(admitted).toEqual(['m1', 'm3', 'm2']);
    expect(typeof queue.tryAcquire()).toBe('function');
  });

  it('gives no turn to a requester that joins a call after the call was admitted', async () => {
    const queue = createFairQueue(1);
    const release = queue.tryAcquire();
    const waiters = createWaiters({});
    const acquired = queue.acquire(waiters, options);
    release?.();
    const place = await acquired;
    waiters.add({});
    place();
    expect(queue.isIdle()).toBe(true);
  });

  it('rejects a call whose signal aborts, and admits the next call without waiting for it', async () => {
    const queue = createFairQueue(1);
    const release = queue.tryAcquire();
    const cancellation = new AbortController();
    const cancellable = { signal: cancellation.signal, timeoutMs: minute };
    const cancelled = queue.acquire(createWaiters({}), cancellable);
    const nextCall = queue.acquire(createWaiters({}), options);
    cancellation.abort(new Error('gone'));
    await expect(cancelled).rejects.toThrow('gone');
    release?.();
    expect(typeof (await nextCall)).toBe('function');
    await expect(queue.acquire(createWaiters({}), cancellable)).rejects.toThrow('gone');
  });

  it('rejects a call whose time is over, and admits the next call without waiting for it', async () => {
    const queue = createFairQueue(1);
    const release = queue.tryAcquire();
    const expired = queue.acquire(createWaiters({}), { ...options, timeoutMs: 1 });
    const nextCall = queue.acquire(createWaiters({}), options);
    await expect(expired).rejects.toThrow('No place within 1 ms');
    release?.();
    expect(typeof (await nextCall)).toBe('function');
  });

  it('rejects a call whose deadline passed while the process was stopped at once, without a negative timer', async () => {
    const queue = createFairQueue(1);
    const release = queue.tryAcquire();
    const setTimer = jest.spyOn(globalThis, 'setTimeout');
    for (const timeoutMs of [-3_600_000, -0.5, 0]) {
      const late = queue.acquire(createWaiters({}), { ...options, timeoutMs });
      await expect(late).rejects.toThrow('The deadline has passed.');
    }
    expect(setTimer).not.toHaveBeenCalled();
    setTimer.mockRestore();
    release?.();
    expect(queue.isIdle()).toBe(true);
  });

  it('never runs more calls than it has places, nor leaves a place free while a call waits', async () => {
    const action = fc.record({ kind: fc.constantFrom('start', 'end', 'cancel'), pick: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (actions, limit) => {
          const queue = createFairQueue(limit);
          const requesters = Array.from({ length: 3 }, () => ({}));
          const running: Release[] = [];
          const waiting = new Set<AbortController>();
          function start(pick: number): void {
            const place = queue.tryAcquire();
            if (place !== undefined) {
              running.push(place);
              return;
            }
            const controller = new AbortController();
            waiting.add(controller);
            const waiters = createWaiters(requesters[pick % 3] ?? {});
            waiters.add(requesters[(pick * 7) % 3] ?? {});
            queue.acquire(waiters, { signal: controller.signal, timeoutMs: minute }).then(
              (release) => {
                waiting.delete(controller);
                running.push(release);
              },
              () => waiting.delete(controller),
            );
          }
          for (const { kind, pick } of actions) {
            if (kind === 'start') start(pick);
            else if (kind === 'end') running.splice(pick % (running.length || 1), 1)[0]?.();
            else [...waiting][pick % (waiting.size || 1)]?.abort();
            await settle();
            expect(running.length).toBeLessThanOrEqual(limit);
            if (waiting.size > 0) expect(running.length).toBe(limit);
          }
          // A call left in the queue would keep its timer, and the process, for a minute.
          for (const controller of waiting) controller.abort();
          await settle();
          expect(waiting.size).toBe(0);
        },
      ),
    );
  });
});
