import { beforeEach, describe, expect, it } from '@jest/globals';
import { type CallPause, createCallPause, type Pause } from '../../src/zenskar/callPause.ts';
import { toFailure } from '../../src/zenskar/outcome.ts';

const rateLimited = (retryAfterSeconds?: number) => toFailure('rateLimited', { retryAfterSeconds });
const succeeded = {
  result: { ok: true, quantity: 1, asOfMs: 0, receivedAtMs: 0 },
  retryable: false,
  retryAfterMs: 0,
} as const;
const rateLimitPause = (remainingMs: number, growth = 0): Pause => ({
  kind: 'rateLimitPause',
  remainingMs,
  growth,
});

let nowMs: number;
let begun: [durationMs: number, origin: string][];
let shared: Pause[];
let pause: CallPause;

beforeEach(() => {
  nowMs = 1_000_000;
  begun = [];
  shared = [];
  pause = createCallPause({
    monotonic: () => nowMs,
    onBegin: (...args) => void begun.push(args),
    share: (longer) => void shared.push(longer),
  });
});

describe('the pause of a tenant', () => {
  it('is shared when it begins, with its kind and its whole time', () => {
    pause.record(rateLimited(3));
    expect(shared).toEqual([{ kind: 'rateLimitPause', remainingMs: 3000, growth: 0 }]);
    nowMs += 3000;
    pause.record(toFailure('serverError', { retryAfterSeconds: 2 }));
    expect(shared.slice(1)).toEqual([{ kind: 'failurePause', remainingMs: 2000, growth: 0 }]);
    expect(begun).toEqual([
      [3000, 'response'],
      [2000, 'response'],
    ]);
  });

  it('is shared twice, not 64 times, if 64 calls in flight get a 429 within a tenth of a second', () => {
    for (let n = 0; n < 64; n += 1) {
      pause.record(rateLimited(3));
      nowMs += 1.5;
    }
    expect(shared).toEqual([rateLimitPause(3000), rateLimitPause(3000)]);
    expect(begun).toEqual([[3000, 'response']]);
  });

  it('is shared again when a later 429 makes it longer by more than 50 ms', () => {
    pause.record(rateLimited(3));
    nowMs += 50;
    pause.record(rateLimited(3));
    expect(shared).toHaveLength(1);
    nowMs += 1;
    pause.record(rateLimited(3));
    expect(shared).toEqual([rateLimitPause(3000), rateLimitPause(3000)]);
  });

  it('begins with a pause of another process, and is not shared again', () => {
    pause.join({ kind: 'failurePause', remainingMs: 3000, growth: 0 });
    expect(pause.current()).toEqual({ kind: 'failurePause', remainingMs: 3000 });
    expect(begun).toEqual([[3000, 'shared']]);
    // A call that was in flight gets a 429 of its own.
    nowMs += 30;
    pause.record(rateLimited(3));
    expect(shared).toEqual([]);
    nowMs += 2999;
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 1 });
    nowMs += 1;
    expect(pause.current()).toBeUndefined();
  });

  it('is not extended by its own message, nor by another one about the same end', () => {
    pause.record(rateLimited(3));
    nowMs += 40;
    pause.join(rateLimitPause(3000));
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 2960 });
    pause.join(rateLimitPause(5000));
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 5000 });
    expect(begun).toHaveLength(1);
  });

  it('is not shortened by a shorter pause of another process', () => {
    pause.record(rateLimited(10));
    pause.join(rateLimitPause(1000));
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 10_000 });
  });

  it('is never longer than five minutes, also if another process asks for more', () => {
    pause.join(rateLimitPause(1e12));
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 300_000 });
  });

  it('of another process is not ended early by the success of a call that was in flight', () => {
    pause.join(rateLimitPause(3000));
    pause.record(succeeded);
    expect(pause.current()).toEqual({ kind: 'rateLimitPause', remainingMs: 3000 });
  });

  it('continues the growth of the pauses of other processes after a 429 without Retry-After', () => {
    pause.join(rateLimitPause(1000, 4));
    nowMs += 1000;
    pause.record(rateLimited());
    expect(shared).toEqual([rateLimitPause(expect.any(Number) as never, 5)]);
    // The fifth pause lasts 8 to 16 s.
    expect(shared[0]?.remainingMs).toBeGreaterThanOrEqual(8000);
    nowMs += 16_000;
    pause.record(succeeded);
    pause.record(rateLimited());
    expect(shared[1]).toEqual(rateLimitPause(expect.any(Number) as never, 1));
  });
});
