import type { FormattedExecutionResult } from 'graphql';
import type { Emit, OperationEnded } from '../telemetry/events.ts';
import { describeOperation } from '../telemetry/tracing.ts';
import type { LoadStats } from '../totals/stats.ts';
import type { Context } from './context.ts';
import type { Operation } from './operation.ts';

/** A name is for people; what is longer is something else. */
const maxNameLength = 128;

type EventDependencies = { emit: Emit; now: () => number };

export type TellOperationEnded = (
  context: Context,
  asked: {
    operation: Operation | undefined;
    claimedName: string | null | undefined;
    result: FormattedExecutionResult;
  },
) => void;

/** Tells of an operation once its answer is ready, and notes what became of it. */
export function createOperationEvents({ emit, now }: EventDependencies): TellOperationEnded {
  return ({ outcome, stats, requestId, span, startedMs, signal }, { operation, claimedName, result }) => {
    const { name, operation: type } = operation?.definition ?? {};
    outcome.operationName = name?.value.slice(0, maxNameLength) ?? null;
    outcome.hasErrors = Boolean(result.errors?.length);
    const isCancelled = signal.aborted;
    const ended: OperationEnded = {
      type: 'operationEnded',
      requestId,
      traceId: span.traceId,
      operationName: outcome.operationName,
      claimedName: operation === undefined ? claimedName?.slice(0, maxNameLength) : undefined,
      outcome: isCancelled ? 'cancelled' : toOutcome(result, stats),
      // What was given up for want of a caller is nobody's failure.
      codes: isCancelled ? [] : toCodes(result),
      upstreamCalls: stats.upstreamCalls,
      totals: stats.sources,
      responseCache: 'miss',
      execution: outcome.execution,
      durationMs: now() - startedMs,
    };
    emit(ended);
    describeOperation(span, ended, { type, name: outcome.operationName ?? undefined });
  };
}

function toCodes({ errors }: FormattedExecutionResult): string[] {
  return [...new Set(errors?.map(({ extensions }) => String(extensions?.code)))];
}

function toOutcome({ errors }: FormattedExecutionResult, { sources }: LoadStats): OperationEnded['outcome'] {
  if (!errors?.length) return 'ok';
  const { failed = 0, ...answered } = sources;
  return Object.keys(answered).length > 0 ? 'partial' : 'failed';
}
