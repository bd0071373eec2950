import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/clock.ts';

const { now } = Date;

describe("the system's clock", () => {
  afterEach(() => {
    Date.now = now;
  });

  it('measures ages and waits by a clock that a step of the wall clock does not change', () => {
    const startedMs = systemClock.monotonic();
    Date.now = () => now() - 86_400_000;
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(startedMs);
    Date.now = () => now() + 86_400_000;
    expect(systemClock.monotonic()).toBeLessThan(startedMs + 3_600_000);
  });
});
