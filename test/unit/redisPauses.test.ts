import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisObserver } from '../../src/redis/redis.ts';
import { createRedisPauses } from '../../src/redisPauses.ts';
import type { PauseChannel, SharedPause } from '../../src/zenskar/pauseChannel.ts';
import { tenantOf } from '../support/totals.ts';

const pauseOf = (name: string, remainingMs = 3000): SharedPause => ({
  tenant: tenantOf(name).scope,
  kind: 'rateLimitPause',
  remainingMs,
  growth: 1,
});
const toMember = ({ remainingMs, ...pause }: SharedPause) => JSON.stringify(pause);
const toMessage = (pause: SharedPause) => JSON.stringify({ ...pause, from: 'another process' });
const settled = () => new Promise((resolve) => setImmediate(resolve));

let clock: { nowMs: number };
/** What Redis answers to the script; undefined: Redis is down or refuses it. */
let reply: unknown;
let published: unknown[];
/** Whether Redis takes messages. */
let isTaken: boolean;
/** The pauses of each run of the script. */
let stored: string[][];
let joined: SharedPause[];
let observer: RedisObserver;
let receive: (message: string) => void;
let channel: PauseChannel;

beforeEach(() => {
  clock = { nowMs: 1_000_000 };
  reply = [];
  published = [];
  isTaken = true;
  stored = [];
  joined = [];
  const redis: Parameters<typeof createRedisPauses>[0] = {
    publish: async (_, message) => {
      const { from, ...pause } = JSON.parse(message);
      published.push(pause);
      // The publisher receives its own messages.
      receive(message);
      return isTaken ? 1 : undefined;
    },
    eval: async (_, options) => {
      if (reply === undefined) throw new Error('Redis is unavailable.');
      stored.push(options.arguments.slice(2));
      return reply;
    },
    subscribe: (_, onMessage) => {
      receive = onMessage;
    },
    observe: (given) => {
      observer = given;
    },
  };
  channel = createRedisPauses(redis, () => clock.nowMs);
  channel.listen((pause) => void joined.push(pause));
});

describe('the pauses in Redis', () => {
  it('are published and stored one by one when they begin', async () => {
    channel.share(pauseOf('one'));
    channel.share(pauseOf('two', 5000));
    await settled();
    expect(published).toEqual([pauseOf('one'), pauseOf('two', 5000)]);
    expect(stored).toEqual([
      [toMember(pauseOf('one')), '3000'],
      [toMember(pauseOf('two')), '5000'],
    ]);
    expect(joined).toEqual([]);
  });

  it('are read once when messages begin to be received, and not while Redis only takes writes', async () => {
    reply = [toMember(pauseOf('one')), '1234.5'];
    observer.onHearing?.(true);
    await settled();
    expect(joined).toEqual([pauseOf('one', 1234.5)]);
    observer.onWritable?.();
    observer.onHearing?.(false);
    await settled();
    expect(stored).toHaveLength(1);
  });

  it('are read again when Redis takes writes after a failure, and those of this process are shared again', async () => {
    reply = undefined;
    channel.share(pauseOf('one'));
    channel.share(pauseOf('two', 1000));
    await settled();
    published = [];
    clock.nowMs += 1000;
    reply = [toMember(pauseOf('three')), '700'];
    observer.onWritable?.();
    await settled();
    expect(published).toEqual([pauseOf('one', 2000)]);
    expect(stored).toEqual([[toMember(pauseOf('one')), '2000']]);
    expect(joined).toEqual([pauseOf('three', 700)]);
  });

  it('are published also if Redis refuses the script, and nothing fails', async () => {
    reply = undefined;
    observer.onHearing?.(true);
    channel.share(pauseOf('one'));
    await settled();
    expect(published).toEqual([pauseOf('one')]);
    receive(toMessage(pauseOf('two')));
    expect(joined).toEqual([pauseOf('two')]);
  });

  it('are published again once Redis takes messages, if it only stored them', async () => {
    observer.onHearing?.(true);
    await settled();
    isTaken = false;
    channel.share(pauseOf('one'));
    await settled();
    isTaken = true;
    observer.onWritable?.();
    await settled();
    observer.onWritable?.();
    await settled();
    expect(published).toEqual([pauseOf('one'), pauseOf('one')]);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"tenant":"__proto__"}',
    JSON.stringify({ ...pauseOf('one'), remainingMs: 0 }),
  ])('ignore the message %s', (message) => {
    receive(message);
    expect(joined).toEqual([]);
  });

  it.each([
    ['no list', 'OK'],
    ['pauses without a time', [toMember(pauseOf('one'))]],
    ['other values', ['{', '1', 2, null, '"text"', '5']],
  ])('ignore a reply that holds %s', async (_, given) => {
    reply = given;
    observer.onHearing?.(true);
    await settled();
    expect(joined).toEqual([]);
  });
});
