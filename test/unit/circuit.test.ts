import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Circuit, type CircuitState, createCircuit, type Verdict } from '../../src/zenskar/circuit.ts';

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

/** Makes a call where one may start, and tells whether it did. */
function call(verdict?: Verdict): boolean {
  const ticket = circuit.allow();
  if (ticket !== undefined && verdict !== undefined) circuit.record(ticket, verdict);
  return ticket !== undefined;
}

function fail(times: number): void {
  for (let n = 0; n < times; n += 1) call('failing');
}

describe('the circuit', () => {
  it('opens after as many failures in a row as configured', () => {
    fail(2);
    call('healthy');
    fail(2);
    expect(call()).toBe(true);
    fail(1);
    expect(call()).toBe(false);
    expect(circuit.remainingMs()).toBe(100);
    expect(changes).toEqual(['open']);
  });

  it('takes a call that was given up for neither success nor failure', () => {
    fail(2);
    call('unknown');
    fail(1);
    expect(call()).toBe(false);
  });

  it('lets one call through after the reset time, and closes when it is answered', () => {
    fail(3);
    nowMs += 99;
    expect(call()).toBe(false);
    nowMs += 1;
    const probe = circuit.allow();
    expect([probe === undefined, call(), call()]).toEqual([false, false, false]);
    circuit.record(probe ?? -1, 'healthy');
    expect([call(), call()]).toEqual([true, true]);
    expect(changes).toEqual(['open', 'halfOpen', 'closed']);
  });

  it('opens for another reset time when that call fails', () => {
    fail(3);
    nowMs += 100;
    expect(call('failing')).toBe(true);
    nowMs += 99;
    expect(call()).toBe(false);
    nowMs += 1;
    expect(call()).toBe(true);
  });

  it('makes the next call the probe when the probe was given up', () => {
    fail(3);
    nowMs += 100;
    expect(call('unknown')).toBe(true);
    expect([call(), call()]).toEqual([true, false]);
  });

  it.each(['healthy', 'failing', 'unknown'] as const)(
    'heeds no call from before it opened, such as one that is %s',
    (verdict) => {
      const early = circuit.allow() ?? -1;
      fail(3);
      nowMs += 90;
      circuit.record(early, verdict);
      expect([call(), circuit.remainingMs()]).toEqual([false, 10]);
      nowMs += 10;
      const probe = circuit.allow();
      circuit.record(early, verdict);
      expect([probe === undefined, call()]).toEqual([false, false]);
      circuit.record(probe ?? -1, 'healthy');
      expect(call()).toBe(true);
    },
  );
});
