import type { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { AttemptOutcome, TotalParameters, ZenskarClient } from './client.ts';
import { decodeTotal } from './decode.ts';
import { invalidResponse, mapStatus, mapUnanswered } from './mapError.ts';

/** What Zenskar said, and when (milliseconds since the epoch). */
type UpstreamTotal = { quantity: number | null; asOfMs: number };

type CallContext = { requestId: string; signal: AbortSignal };

export type Upstream = {
  /** Asks Zenskar for one total; rejects with an `AppError`. */
  loadTotal: (parameters: TotalParameters, context: CallContext) => Promise<UpstreamTotal>;
};

type UpstreamDependencies = { client: ZenskarClient; emit: Emit; now: () => number };

type Interpreted = { total: UpstreamTotal } | { error: AppError; problem?: string };

/** The policy around single attempts. */
export function createUpstream({ client, emit, now }: UpstreamDependencies): Upstream {
  async function loadTotal(parameters: TotalParameters, context: CallContext): Promise<UpstreamTotal> {
    const startedMs = now();
    const outcome = await client.attempt(parameters, context);
    const endedMs = now();
    const interpreted = interpret(outcome, parameters, endedMs);
    emit({
      type: 'upstreamCallEnded',
      requestId: context.requestId,
      ...describe(outcome),
      problem: 'problem' in interpreted ? interpreted.problem : undefined,
      durationMs: endedMs - startedMs,
    });
    if ('error' in interpreted) throw interpreted.error;
    return interpreted.total;
  }
  return { loadTotal };
}

function interpret(outcome: AttemptOutcome, asked: TotalParameters, nowMs: number): Interpreted {
  if (outcome.kind !== 'answered') return { error: mapUnanswered(outcome) };
  if (outcome.status !== 200) return { error: mapStatus(outcome, nowMs) };
  const decoded = decodeTotal(outcome.body, asked);
  if (!decoded.ok) return { error: invalidResponse(200), problem: decoded.problem };
  return { total: { quantity: decoded.quantity, asOfMs: nowMs } };
}

function describe(outcome: AttemptOutcome) {
  return {
    result: outcome.kind === 'answered' ? outcome.status : outcome.kind,
    reason: outcome.kind === 'connection' ? outcome.reason : undefined,
    upstreamIds: outcome.kind === 'answered' ? outcome.headers.ids : {},
  };
}
