import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createPurges } from '../../src/totals/purges.ts';
import { createSingleFlight, createWaiter } from '../../src/totals/singleFlight.ts';
import { type Entry, toTotalKey } from '../../src/totals/total.ts';
import type { Waiters } from '../../src/zenskar/fairQueue.ts';
import { tenantOf } from '../support/totals.ts';

const { scope } = tenantOf('one');
const keyOf = (customerId: string) => toTotalKey(scope, { customerId, entitlementId: 'e' });
const key = keyOf('c');
const waiterOf = (signal: AbortSignal | undefined) => createWaiter({ requester: {}, span: noSpan, signal });
const patient = waiterOf(new AbortController().signal);

describe('the single flight', () => {
  it('starts one load for all who wait for the same key, and says who joined', async () => {
    const { loadOnce, isInFlight } = createSingleFlight<Entry>(createPurges());
    const load = Promise.withResolvers<Entry>();
    let starts = 0;
    const start = () => {
      starts += 1;
      return load.promise;
    };
    const flights = [loadOnce(key, patient, start), loadOnce(key, waiterOf(undefined), start)];
    expect(flights.map(({ joined }) => joined)).toEqual([false, true]);
    expect(isInFlight(key)).toBe(true);
    load.resolve({ quantity: 1, asOfMs: 1, receivedAtMs: 1 });
    expect(await Promise.all(flights.map(({ result }) => result))).toEqual([
      { quantity: 1, asOfMs: 1, receivedAtMs: 1 },
      { quantity: 1, asOfMs: 1, receivedAtMs: 1 },
    ]);
    expect([starts, isInFlight(key)]).toEqual([1, false]);
  });

  it('names each request that waits once to the queue', async () => {
    const { loadOnce } = createSingleFlight<string>(createPurges());
    const load = Promise.withResolvers<string>();
    const [first, second] = [waiterOf(undefined), waiterOf(undefined)];
    const added: object[] = [];
    const start = ({ waiters }: { waiters: Waiters }) => {
      waiters.subscribe((requester) => added.push(requester));
      return load.promise;
    };
    for (const waiter of [first, second, second, first]) loadOnce(key, waiter, start);
    expect(added).toEqual([second.requester]);
    expect(added[0]).toBe(second.requester);
  });

  it('does not let a request join a load that started before a purge, which still ends for its waiters', async () => {
    const purges = createPurges();
    const { loadOnce, isInFlight } = createSingleFlight<string>(purges);
    const [early, late] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const first = loadOnce(key, patient, () => early.promise);
    purges.purge({ customerId: 'c' });
    expect(isInFlight(key)).toBe(false);
    const second = loadOnce(key, patient, () => late.promise);
    expect(second.joined).toBe(false);
    early.resolve('early');
    expect(await first.result).toBe('early');
    expect(isInFlight(key)).toBe(true);
    late.resolve('late');
    expect(await second.result).toBe('late');
  });

  it('does not let a request join a load during which the message of a purge may have been missed', async () => {
    const purges = createPurges();
    const { loadOnce, isInFlight } = createSingleFlight<string>(purges);
    const { result } = loadOnce(key, patient, async () => 'early');
    purges.markMissedPurges();
    expect(isInFlight(key)).toBe(false);
    expect(loadOnce(key, patient, async () => 'late').joined).toBe(false);
    expect(await result).toBe('early');
  });

  it('aborts a load when its last waiter has left, and starts the next one at once', async () => {
    const { loadOnce } = createSingleFlight<string>(createPurges());
    const signals: AbortSignal[] = [];
    const start = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<string>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      );
    };
    const controllers = [new AbortController(), new AbortController()] as const;
    const left = controllers
      .map(({ signal }) => loadOnce(key, waiterOf(signal), start))
      .map(({ result }) => expect(result).rejects.toThrow('aborted'));
    controllers[0].abort();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    controllers[1].abort();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await Promise.all(left);
    const next = loadOnce(key, patient, async () => 'next');
    expect([next.joined, await next.result]).toEqual([false, 'next']);
  });

  it('aborts a load at once for a waiter whose signal is already aborted', async () => {
    const { loadOnce, isInFlight } = createSingleFlight<string>(createPurges());
    let isAborted = false;
    const { result } = loadOnce(key, waiterOf(AbortSignal.abort()), ({ signal }) => {
      signal.addEventListener('abort', () => {
        isAborted = true;
      });
      return new Promise(() => {});
    });
    expect([isAborted, isInFlight(key)]).toEqual([true, false]);
    await expect(result).rejects.toThrow('aborted');
  });

  it('listens to the signal of a waiter once for 1,000 loads, and leaves all of them', async () => {
    const { loadOnce, isInFlight } = createSingleFlight<Entry>(createPurges());
    const controller = new AbortController();
    const waiter = waiterOf(controller.signal);
    const keys = Array.from({ length: 1000 }, (_, n) => keyOf(String(n)));
    const aborted: AbortSignal[] = [];
    const results = keys.map(
      (each) =>
        loadOnce(each, waiter, ({ signal }) => {
          signal.addEventListener('abort', () => aborted.push(signal));
          return new Promise(() => {});
        }).result,
    );
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    const settled = await Promise.allSettled(results);
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    expect([aborted.length, keys.some(isInFlight)]).toEqual([1000, false]);
  });

  it('keeps no callback for a load that has ended', async () => {
    const { loadOnce } = createSingleFlight<string>(createPurges());
    const waiter = waiterOf(new AbortController().signal);
    await loadOnce(key, waiter, async () => 'done').result;
    await expect(loadOnce(key, waiter, () => Promise.reject(new Error('no'))).result).rejects.toThrow('no');
    expect(waiter.onAbort.size).toBe(0);
  });

  it('fails for all its waiters, and loads again for the next request', async () => {
    const { loadOnce } = createSingleFlight<string>(createPurges());
    const fail = async () => {
      throw new Error('no');
    };
    const results = [loadOnce(key, patient, fail), loadOnce(key, patient, fail)].map(({ result }) => result);
    const settled = await Promise.allSettled(results);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await loadOnce(key, patient, async () => 'yes').result).toBe('yes');
  });
});
