import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { createSampling } from '../../src/telemetry/warningThrottle.ts';

const failed = (requestId: string, result: number): GatewayEvent => ({
  type: 'upstreamCallEnded',
  requestId,
  result,
  reason: undefined,
  problem: undefined,
  severity: 'warn',
  upstreamIds: {},
  durationMs: Number(requestId),
});

describe('warnings that say the same', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('are written once in a second, the last of them with the number it stands for', () => {
    const written: [string, number | undefined][] = [];
    const { tell: warn, flush } = createSampling((event, repeated) => {
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
});
