import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Circuit,
  type CircuitState,
  createCircuit,
  type Generation,
  type Health,
} from '../../src/zenskar/circuit.ts';

let nowMs: number;
let changes: CircuitState[];
let circuit: Circuit;

beforeEach(() => {
  nowMs = 1000;
  changes = [];
  circuit = createCircuit({
    maxFailures: 3,
    resetMs: 100,
    monotonic: () => nowMs,
    onChange: (state) => changes.push(state),
  });
});

/** Makes a call if the circuit allows it, and returns whether it did. */
function call(health?: Health): boolean {
  const generation = circuit.allow();
  if (generation !== undefined && health !== undefined) circuit.record(generation, health);
  return generation !== undefined;
}

function fail(times: number): void {
  for (let n = 0; n < times; n += 1) call('failing');
}

function allowProbe(): Generation {
  const probe = circuit.allow();
  if (probe === undefined) throw new Error('The circuit allowed no probe');
  return probe;
}

describe('the circuit', () => {
  it('opens after the configured number of consecutive failures', () => {
    fail(2);
    call('healthy');
    fail(2);
    expect(call()).toBe(true);
    fail(1);
    expect(call()).toBe(false);
    expect(circuit.remainingMs()).toBe(100);
    expect(changes).toEqual(['open']);
  });

  it('counts a cancelled call neither as a success nor as a failure', () => {
    fail(2);
    call('unknown');
    fail(1);
    expect(call()).toBe(false);
  });

  it('allows a single probe after the reset time, and closes when the probe succeeds', () => {
    fail(3);
    nowMs += 99;
    expect(call()).toBe(false);
    nowMs += 1;
    const probe = allowProbe();
    expect([call(), call(), circuit.remainingMs()]).toEqual([false, false, 0]);
    circuit.record(probe, 'healthy');
    expect([call(), call()]).toEqual([true, true]);
    expect(changes).toEqual(['open', 'halfOpen', 'closed']);
  });

  it('counts failures from zero after it has closed again', () => {
    fail(3);
    nowMs += 100;
    call('healthy');
    fail(2);
    expect(call()).toBe(true);
  });

  it('opens for another reset time when the probe fails', () => {
    fail(3);
    nowMs += 100;
    expect(call('failing')).toBe(true);
    nowMs += 99;
    expect(call()).toBe(false);
    nowMs += 1;
    expect(call()).toBe(true);
  });

  it('makes the next call the probe when the probe was cancelled', () => {
    fail(3);
    nowMs += 100;
    expect(call('unknown')).toBe(true);
    expect([call(), call()]).toEqual([true, false]);
  });

  it.each(['healthy', 'failing', 'unknown'] as const)(
    'ignores a call that began before it opened and ends as %s',
    (health) => {
      const early = allowProbe();
      fail(3);
      nowMs += 90;
      circuit.record(early, health);
      expect([call(), circuit.remainingMs()]).toEqual([false, 10]);
      nowMs += 10;
      const probe = allowProbe();
      circuit.record(early, health);
      expect(call()).toBe(false);
      circuit.record(probe, 'healthy');
      expect(call()).toBe(true);
    },
  );
});
