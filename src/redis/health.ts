import type { Emit } from '../telemetry/events.ts';

/** A refused command is reported at most once in this time. */
const refusalIntervalMs = 60_000;
/** A refused command that is not sent again may be allowed by now. Longer than the alert waits. */
const maxRefusalAgeMs = 300_000;
/** Without memory, or if it cannot save its data, Redis refuses every write. The probe's SET shows when that ends. */
const refusesWrites = /^(OOM|MISCONF)\b/;

/** Knows whether Redis answers and takes all commands, and emits each change once. */
export type Health = {
  /** Redis has answered a command. That ends a refusal, but not a failure: other servers of a cluster may still fail. */
  recordSuccess: (command: string) => void;
  /** All servers have answered, and a write was taken. */
  recordWritable: () => void;
  /** Redis did not answer, or is not the server that the gateway needs. */
  recordFailure: (reason: string) => void;
  /** Redis answers, but refuses this command, for instance because of its permissions or without memory. */
  recordRefusal: (command: string, reason: string) => void;
  isDown: () => boolean;
};

type HealthSettings = {
  emit: Emit;
  monotonic: () => number;
  /** Each failure and each refusal, not only those that change the state. */
  onProblem: (reason: string, command?: string) => void;
};

export function createHealth({ emit, monotonic, onProblem }: HealthSettings): Health {
  // Undefined at first, so that a Redis that never comes up is reported, too.
  let state: 'up' | 'refusing' | 'down' | undefined;
  /** When refusals were reported, by command. */
  const reportedAtMs = new Map<string, number>();
  /** When commands were refused that have not succeeded since. */
  const refusedAtMs = new Map<string, number>();
  const isDown = () => state === 'down' || state === undefined;

  function change(next: 'up' | 'refusing' | 'down', reason?: string): void {
    if (next === state) return;
    state = next;
    emit({ type: 'redisChanged', state, reason });
  }

  function recordSuccess(command: string): void {
    refusedAtMs.delete(command);
    if (!isDown()) recordWritable();
  }

  function recordWritable(): void {
    for (const [command, atMs] of refusedAtMs)
      if (monotonic() - atMs >= maxRefusalAgeMs) refusedAtMs.delete(command);
    if (refusedAtMs.size === 0) change('up');
  }

  function recordFailure(reason: string): void {
    refusedAtMs.clear();
    change('down', reason);
    onProblem(reason);
  }

  function recordRefusal(command: string, reason: string): void {
    const refused = refusesWrites.test(reason) ? 'SET' : command;
    refusedAtMs.set(refused, monotonic());
    change('refusing', reason);
    onProblem(reason, command);
    if (monotonic() - (reportedAtMs.get(refused) ?? Number.NEGATIVE_INFINITY) < refusalIntervalMs) return;
    reportedAtMs.set(refused, monotonic());
    emit({ type: 'redisRefused', command, reason });
  }
  return { recordSuccess, recordWritable, recordFailure, recordRefusal, isDown };
}
