import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { createWarningThrottle } from '../../src/telemetry/warningThrottle.ts';

const failed = (requestId: string, result: number): GatewayEvent => ({
  type: 'upstreamCallEnded',
  severity: 'warn',
  requestId,
  result,
  reason: undefined,
  problem: undefined,
  upstreamIds: {},
  durationMs: Number(requestId),
});

describe('the warning throttle', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('writes the first of equal events at once, then the latest once per second with the number it stands for', () => {
    const written: [string, number | undefined][] = [];
    const { warn, flush } = createWarningThrottle((event, repeated) => {
      if (event.type === 'upstreamCallEnded') written.push([`${event.requestId} ${event.result}`, repeated]);
    });
    for (let n = 1; n <= 100; n += 1) warn(failed(`${n}`, 503));
    warn(failed('1', 500));
    expect(written).toEqual([
      ['1 503', undefined],
      ['1 500', undefined],
    ]);
    jest.advanceTimersByTime(1000);
    warn(failed('101', 503));
    expect(written.slice(2)).toEqual([['100 503', 99]]);
    jest.advanceTimersByTime(1000);
    expect(written.slice(3)).toEqual([['101 503', 1]]);
    jest.advanceTimersByTime(1000);
    warn(failed('102', 503));
    expect(written.slice(4)).toEqual([['102 503', undefined]]);
    expect(written).toHaveLength(5);
    warn(failed('103', 503));
    flush();
    expect(written.slice(5)).toEqual([['103 503', 1]]);
  });

  it('writes rejected credentials at most once per minute, not once per second for hours', () => {
    const written: [string, number | undefined][] = [];
    const { warn } = createWarningThrottle((event, repeated) => void written.push([event.type, repeated]));
    for (let second = 0; second < 180; second += 1) {
      warn({ type: 'credentialsRejected', requestId: `${second}` });
      jest.advanceTimersByTime(1000);
    }
    expect(written).toEqual([
      ['credentialsRejected', undefined],
      ['credentialsRejected', 59],
      ['credentialsRejected', 60],
      ['credentialsRejected', 60],
    ]);
  });
});
