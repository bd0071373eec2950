import { setTimeout as sleep } from 'node:timers/promises';
import type { Tenant } from '../auth/tenant.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Span } from '../telemetry/tracing.ts';
import type { Verdict } from './circuit.ts';
import { decodeTotal } from './decode.ts';
import type { Party } from './fairQueue.ts';
import { invalidResponse, mapStatus, mapUnanswered } from './outcome.ts';
import type { AttemptOutcome, TotalParameters, ZenskarClient } from './request.ts';
import { decideRetry } from './retry.ts';
import { parseRetryAfter } from './retryAfter.ts';
import { createTenantPolicies, type PolicySettings, type TenantPolicy } from './tenantPolicies.ts';

/** What Zenskar said, and when (milliseconds since the epoch). */
type UpstreamTotal = { quantity: number | null; asOfMs: number };

type CallContext = {
  tenant: Tenant;
  requestId: string;
  /** What the call is a part of. */
  span: Span;
  /** The requests that wait for this call; they take turns in line. */
  party: Party;
  signal: AbortSignal;
  /** Told of each attempt. */
  onAttempt: () => void;
};

export type Upstream = {
  /** Asks Zenskar for one total within the deadline; rejects with an `AppError`. */
  loadTotal: (parameters: TotalParameters, context: CallContext) => Promise<UpstreamTotal>;
};

type UpstreamDependencies = PolicySettings & {
  client: ZenskarClient;
  attemptTimeoutMs: number;
  /** Covers waiting in line, attempts and pauses together. */
  deadlineMs: number;
  /** Further attempts after the first. */
  retries: number;
  emit: Emit;
  now: () => number;
};

type Call = { parameters: TotalParameters; context: CallContext; policy: TenantPolicy; deadlineAtMs: number };

type Result = { total: UpstreamTotal } | { error: AppError; problem?: string };
type Attempted = { outcome: AttemptOutcome; result: Result };

/** The policy around single attempts: whether, when and how often to ask, and what the answer means. */
export function createUpstream(dependencies: UpstreamDependencies): Upstream {
  const { deadlineMs, retries, emit, now } = dependencies;
  const policyOf = createTenantPolicies(dependencies);

  async function loadTotal(parameters: TotalParameters, context: CallContext): Promise<UpstreamTotal> {
    const policy = policyOf(context.tenant.scope);
    const call = { parameters, context, policy, deadlineAtMs: now() + deadlineMs };
    for (let attempts = 1; ; attempts += 1) {
      const { outcome, result } = await attempt(dependencies, call, attempts);
      const retryAfterMs = readRetryAfterMs(outcome, now());
      if (outcome.kind === 'answered' && outcome.status === 429 && retryAfterMs)
        policy.brake.hold(retryAfterMs);
      const remainingMs = call.deadlineAtMs - now();
      const random = Math.random();
      const pauseMs = decideRetry({ outcome, attempts, retries, remainingMs, retryAfterMs, random });
      if (pauseMs === undefined || isBlocked(policy, pauseMs) || !policy.budget.takeRetry()) {
        if ('error' in result) throw result.error;
        return result.total;
      }
      emit({ type: 'upstreamRetry', requestId: context.requestId, attempts, pauseMs });
      await pause(pauseMs, context.signal);
    }
  }
  return { loadTotal };
}

/** One attempt, as soon as there is a place for it, unless the circuit is open. Rejects where it was not made. */
async function attempt(dependencies: UpstreamDependencies, call: Call, attempts: number): Promise<Attempted> {
  const { client, attemptTimeoutMs, emit, now } = dependencies;
  const { parameters, context, policy, deadlineAtMs } = call;
  const { tenant, requestId, span, signal } = context;
  const release = policy.queue.enter() ?? (await waitInLine(dependencies, call));
  try {
    if (signal.aborted) throw mapUnanswered({ kind: 'aborted' });
    const remainingMs = deadlineAtMs - now();
    if (remainingMs <= 0) throw mapUnanswered({ kind: 'timeout' });
    const heldBackMs = policy.brake.remainingMs();
    if (heldBackMs > 0) throw rateLimited(heldBackMs);
    const ticket = policy.circuit.allow();
    if (ticket === undefined) throw circuitOpen(policy.circuit.remainingMs());
    if (attempts === 1) policy.budget.recordCall();
    context.onAttempt();
    const startedMs = now();
    emit({ type: 'upstreamCallStarted' });
    const timeoutMs = Math.min(attemptTimeoutMs, remainingMs);
    const asking = { tenant, requestId, span, resends: attempts - 1, signal, timeoutMs };
    const outcome = await client.attempt(parameters, asking);
    // What had less than a whole attempt's time, because it waited in line, says nothing of the upstream.
    const isCutShort = outcome.kind === 'timeout' && timeoutMs < attemptTimeoutMs;
    policy.circuit.record(ticket, isCutShort ? 'unknown' : judge(outcome));
    const endedMs = now();
    const result = interpret(outcome, parameters, endedMs);
    const { problem } = { problem: undefined, ...result };
    emit({
      type: 'upstreamCallEnded',
      severity: severityOf(outcome, problem),
      requestId,
      traceId: span.traceId,
      ...describe(outcome),
      problem,
      durationMs: endedMs - startedMs,
    });
    return { outcome, result };
  } finally {
    release();
  }
}

/** Whether no call may be made for longer than the pause: then waiting would be in vain. */
function isBlocked({ circuit, brake }: TenantPolicy, pauseMs: number): boolean {
  return Math.max(circuit.remainingMs(), brake.remainingMs()) > pauseMs;
}

async function waitInLine({ emit, now }: UpstreamDependencies, call: Call): Promise<() => void> {
  const { policy, context, deadlineAtMs } = call;
  const { party, signal } = context;
  emit({ type: 'upstreamQueueChanged', change: 1 });
  try {
    return await policy.queue.wait(party, { signal, timeoutMs: deadlineAtMs - now() });
  } catch {
    throw mapUnanswered({ kind: signal.aborted ? 'aborted' : 'timeout' });
  } finally {
    emit({ type: 'upstreamQueueChanged', change: -1 });
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(durationMs, undefined, { signal });
  } catch {
    throw mapUnanswered({ kind: 'aborted' });
  }
}

/** A 4xx is a healthy upstream that refuses. */
function judge(outcome: AttemptOutcome): Verdict {
  switch (outcome.kind) {
    case 'timeout':
    case 'connection':
      return 'failing';
    case 'answered':
      return outcome.status >= 500 ? 'failing' : 'healthy';
    case 'aborted':
      return 'unknown';
    case 'too_large':
      return 'healthy';
  }
}

function interpret(outcome: AttemptOutcome, asked: TotalParameters, nowMs: number): Result {
  if (outcome.kind !== 'answered') return { error: mapUnanswered(outcome) };
  if (outcome.status !== 200) return { error: mapStatus(outcome, nowMs) };
  const decoded = decodeTotal(outcome.body, asked);
  if (!decoded.ok) return { error: invalidResponse(200), problem: decoded.problem };
  return { total: { quantity: decoded.quantity, asOfMs: nowMs } };
}

function readRetryAfterMs(outcome: AttemptOutcome, nowMs: number): number | undefined {
  if (outcome.kind !== 'answered' || outcome.status < 400) return undefined;
  const seconds = parseRetryAfter(outcome.headers.retryAfter, nowMs);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** A rejection of the caller's own arguments is no fault of the upstream. */
function severityOf(outcome: AttemptOutcome, problem: string | undefined): 'debug' | 'warn' {
  if (outcome.kind !== 'answered') return outcome.kind === 'aborted' ? 'debug' : 'warn';
  if (outcome.status === 200) return problem === undefined ? 'debug' : 'warn';
  return outcome.status === 400 || outcome.status === 404 ? 'debug' : 'warn';
}

function describe(outcome: AttemptOutcome) {
  return {
    result: outcome.kind === 'answered' ? outcome.status : outcome.kind,
    reason: outcome.kind === 'connection' ? outcome.reason : undefined,
    upstreamIds: outcome.kind === 'answered' ? outcome.headers.ids : {},
  };
}

function rateLimited(remainingMs: number): AppError {
  return new AppError('UPSTREAM_RATE_LIMITED', 'Zenskar limits the rate of calls.', {
    retryAfterSeconds: Math.ceil(remainingMs / 1000),
  });
}

function circuitOpen(remainingMs: number): AppError {
  return new AppError('UPSTREAM_UNAVAILABLE', 'Zenskar keeps failing, so it is not asked for a while.', {
    retryAfterSeconds: Math.ceil(remainingMs / 1000),
  });
}
