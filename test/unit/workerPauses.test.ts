import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createPauseRelay, createWorkerPauses, type PauseRelay } from '../../src/workerPauses.ts';
import type { SharedPause } from '../../src/zenskar/pauseChannel.ts';
import { tenantOf } from '../support/totals.ts';

const pause: SharedPause = {
  tenant: tenantOf('one').scope,
  kind: 'rateLimitPause',
  remainingMs: 3000,
  growth: 0,
};
const message = { type: 'pause', pause };

let clock: { nowMs: number };
let relay: PauseRelay;

beforeEach(() => {
  clock = { nowMs: 1_000_000 };
  relay = createPauseRelay(() => clock.nowMs);
});

function createRecipient() {
  const received: object[] = [];
  return { received, send: (sent: object) => void received.push(sent) };
}

function startRecipient() {
  const recipient = createRecipient();
  relay.receive({ type: 'readPauses' }, recipient);
  return recipient;
}

describe('the primary', () => {
  it('passes the pause of a worker on to all other workers', () => {
    const workers = Array.from({ length: 3 }, startRecipient);
    relay.receive(message, workers[1] as (typeof workers)[0]);
    expect(workers.map(({ received }) => received)).toEqual([[message], [], [message]]);
  });

  it('gives a pause to a worker that starts before it ends, with the time that remains', () => {
    relay.receive(message, startRecipient());
    clock.nowMs += 2000;
    expect(startRecipient().received).toEqual([{ type: 'pause', pause: { ...pause, remainingMs: 1000 } }]);
    clock.nowMs += 1000;
    expect(startRecipient().received).toEqual([]);
  });

  it('sends nothing to a worker that has not asked yet or has ended', () => {
    const ended = startRecipient();
    relay.remove(ended);
    const starting = createRecipient();
    relay.receive(message, starting);
    relay.receive(message, startRecipient());
    expect([ended.received, starting.received]).toEqual([[], []]);
  });

  it.each<[string, unknown]>([
    ['no object', 'pause'],
    ['of another kind', { id: 1, result: true }],
    ['an invalid pause', { type: 'pause', pause: { ...pause, remainingMs: -1 } }],
  ])('ignores a message that is %s', (_, other) => {
    const workers = Array.from({ length: 2 }, startRecipient);
    relay.receive(other, workers[0] as (typeof workers)[0]);
    expect(workers.map(({ received }) => received)).toEqual([[], []]);
  });
});

describe('a worker', () => {
  function createTestWorker() {
    const sent: object[] = [];
    const joined: SharedPause[] = [];
    const worker = Object.assign(new EventEmitter(), { send: (given: object) => void sent.push(given) });
    const pauses = createWorkerPauses(worker);
    pauses.listen((given) => void joined.push(given));
    return { worker, pauses, sent, joined };
  }

  it('asks its primary for the current pauses when it starts, and sends it its own', () => {
    const { pauses, sent } = createTestWorker();
    expect(sent).toEqual([]);
    pauses.start();
    pauses.share(pause);
    expect(sent).toEqual([{ type: 'readPauses' }, message]);
  });

  it('takes valid pauses from its primary, and ignores all other messages', () => {
    const { worker, pauses, joined } = createTestWorker();
    pauses.start();
    for (const other of [undefined, { type: 'samples', id: 1 }, { type: 'pause', pause: {} }, message])
      worker.emit('message', other);
    expect(joined).toEqual([pause]);
  });
});
