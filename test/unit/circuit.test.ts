import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Circuit, type CircuitState, createCircuit } from '../../src/zenskar/circuit.ts';

let nowMs: number;
let changes: CircuitState[];
let circuit: Circuit;

beforeEach(() => {
  nowMs = 1000;
  changes = [];
  circuit = createCircuit({
    failures: 3,
    resetMs: 100,
    now: () => nowMs,
    onChange: (state) => changes.push(state),
  });
});

function fail(times: number): void {
  for (let n = 0; n < times; n += 1) circuit.record('failing');
}

describe('the circuit', () => {
  it('opens after as many failures in a row as configured', () => {
    fail(2);
    circuit.record('healthy');
    fail(2);
    expect(circuit.allow()).toBe(true);
    fail(1);
    expect(circuit.allow()).toBe(false);
    expect(circuit.remainingMs()).toBe(100);
    expect(changes).toEqual(['open']);
  });

  it('takes a call that was given up for neither success nor failure', () => {
    fail(2);
    circuit.record('unknown');
    fail(1);
    expect(circuit.allow()).toBe(false);
  });

  it('lets one call through after the reset time, and closes when it is answered', () => {
    fail(3);
    nowMs += 99;
    expect(circuit.allow()).toBe(false);
    nowMs += 1;
    expect([circuit.allow(), circuit.allow(), circuit.allow()]).toEqual([true, false, false]);
    circuit.record('healthy');
    expect([circuit.allow(), circuit.allow()]).toEqual([true, true]);
    expect(changes).toEqual(['open', 'halfOpen', 'closed']);
  });

  it('opens for another reset time when that call fails', () => {
    fail(3);
    nowMs += 100;
    expect(circuit.allow()).toBe(true);
    fail(1);
    nowMs += 99;
    expect(circuit.allow()).toBe(false);
    nowMs += 1;
    expect(circuit.allow()).toBe(true);
  });

  it('makes the next call the probe when the probe was given up', () => {
    fail(3);
    nowMs += 100;
    expect(circuit.allow()).toBe(true);
    circuit.record('unknown');
    expect([circuit.allow(), circuit.allow()]).toEqual([true, false]);
  });

  it('does not stay open longer for calls that were under way when it opened', () => {
    fail(3);
    nowMs += 90;
    fail(5);
    nowMs += 10;
    expect(circuit.allow()).toBe(true);
  });
});
