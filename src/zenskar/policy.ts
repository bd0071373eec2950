import { setTimeout as sleep } from 'node:timers/promises';
import type { Tenant } from '../auth/tenant.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Span } from '../telemetry/tracing.ts';
import type { Generation } from './circuit.ts';
import type { Release, Waiters } from './fairQueue.ts';
import {
  type Assessment,
  assess,
  type CredentialsOwner,
  postpone,
  type TotalResult,
  toFailure,
} from './outcome.ts';
import type { PauseChannel } from './pauseChannel.ts';
import type { AttemptOutcome, TotalParameters, ZenskarClient } from './request.ts';
import { decideRetry } from './retry.ts';
import { createTenantPolicies, type TenantPolicy, type TenantPolicySettings } from './tenantPolicies.ts';

/** A total or the reason for none, and the number of HTTP calls it took. */
export type LoadResult = { attempts: number } & TotalResult;

type LoadContext = {
  tenant: Tenant;
  requestId: string;
  /** The parent of the attempts' spans. */
  span: Span;
  /** The requesters that wait for this total. They take turns in the queue. */
  waiters: Waiters;
  signal: AbortSignal;
};

export type Policy = {
  /** Loads one total within the deadline. Does not reject if Zenskar fails. */
  loadTotal: (parameters: TotalParameters, context: LoadContext) => Promise<LoadResult>;
};

type PolicySettings = TenantPolicySettings & {
  attemptTimeoutMs: number;
  /** For waiting in the queue, attempts and pauses together. */
  deadlineMs: number;
  /** Further attempts after the first. */
  retries: number;
  credentialsOwner: CredentialsOwner;
};

type PolicyDependencies = PolicySettings & {
  client: ZenskarClient;
  /** Shares pauses with other processes. */
  pauseChannel?: PauseChannel | undefined;
  emit: Emit;
} & Clock;

export function toPolicySettings(config: Config): PolicySettings {
  return {
    attemptTimeoutMs: config.UPSTREAM_ATTEMPT_TIMEOUT_MS,
    deadlineMs: config.UPSTREAM_DEADLINE_MS,
    retries: config.UPSTREAM_RETRIES,
    credentialsOwner: config.AUTH_MODE === 'passthrough' ? 'caller' : 'gateway',
    concurrency: config.UPSTREAM_CONCURRENCY,
    breakerFailures: config.UPSTREAM_BREAKER_FAILURES,
    breakerResetMs: config.UPSTREAM_BREAKER_RESET_MS,
  };
}

/** One call of `loadTotal`. */
type Load = {
  readonly parameters: TotalParameters;
  readonly context: LoadContext;
  readonly tenantPolicy: TenantPolicy;
  readonly deadlineAtMs: number;
  /** Made so far. */
  attempts: number;
};

/** Decides whether, when and how often Zenskar is called for a total. */
export function createPolicy(dependencies: PolicyDependencies): Policy {
  const { deadlineMs, emit, monotonic } = dependencies;
  const tenantPolicyOf = createTenantPolicies(dependencies);

  async function loadTotal(parameters: TotalParameters, context: LoadContext): Promise<LoadResult> {
    const tenantPolicy = tenantPolicyOf(context.tenant.scope);
    const load = { parameters, context, tenantPolicy, deadlineAtMs: monotonic() + deadlineMs, attempts: 0 };
    for (;;) {
      const assessment = await attemptInTurn(dependencies, load);
      const { attempts } = load;
      const pauseMs = decidePause(dependencies, load, assessment);
      if (pauseMs === undefined) return { attempts, ...assessment.result };
      emit({ type: 'upstreamRetry', requestId: context.requestId, attempts, pauseMs });
      // Rejects only if the signal aborts.
      await sleep(pauseMs, undefined, { signal: context.signal }).catch(() => {});
      if (context.signal.aborted) return { attempts, ...toFailure('aborted').result };
    }
  }
  return { loadTotal };
}

async function attemptInTurn(dependencies: PolicyDependencies, load: Load): Promise<Assessment> {
  const release = load.tenantPolicy.queue.tryAcquire() ?? (await waitInQueue(dependencies, load));
  if (release === undefined) return toFailure(load.context.signal.aborted ? 'aborted' : 'deadlinePassed');
  try {
    return await attemptIfAllowed(dependencies, load);
  } finally {
    release();
  }
}

/** Resolves to undefined if the load is cancelled or its deadline passes first. */
async function waitInQueue(
  { emit, monotonic }: PolicyDependencies,
  load: Load,
): Promise<Release | undefined> {
  const { waiters, signal } = load.context;
  emit({ type: 'upstreamQueueChanged', change: 1 });
  try {
    return await load.tenantPolicy.queue.acquire(waiters, {
      signal,
      timeoutMs: load.deadlineAtMs - monotonic(),
    });
  } catch {
    return undefined;
  } finally {
    emit({ type: 'upstreamQueueChanged', change: -1 });
  }
}

async function attemptIfAllowed(dependencies: PolicyDependencies, load: Load): Promise<Assessment> {
  const { pause, circuit } = load.tenantPolicy;
  if (load.context.signal.aborted) return toFailure('aborted');

  const remainingMs = load.deadlineAtMs - dependencies.monotonic();
  if (remainingMs <= 0) return toFailure('deadlinePassed');

  const paused = pause.current();
  if (paused !== undefined) return toFailure(paused.kind, toRetryAfter(paused.remainingMs));

  const generation = circuit.allow();
  if (generation === undefined) return toFailure('circuitOpen', toRetryAfter(circuit.remainingMs()));

  const timeoutMs = Math.min(dependencies.attemptTimeoutMs, remainingMs);
  return attempt(dependencies, load, { generation, timeoutMs });
}

function toRetryAfter(remainingMs: number) {
  return { retryAfterSeconds: remainingMs / 1000 };
}

async function attempt(
  dependencies: PolicyDependencies,
  load: Load,
  { generation, timeoutMs }: { generation: Generation; timeoutMs: number },
): Promise<Assessment> {
  const { client, attemptTimeoutMs, credentialsOwner, emit, now, monotonic } = dependencies;
  const { parameters, context, tenantPolicy } = load;
  const { tenant, requestId, span, signal } = context;
  const resends = load.attempts;
  load.attempts += 1;
  if (resends === 0) tenantPolicy.budget.countCall();
  emit({ type: 'upstreamCallStarted' });
  const startedMs = monotonic();
  const outcome = await client.attempt(parameters, { tenant, requestId, span, resends, signal, timeoutMs });
  const endedMs = monotonic();
  const time = { asOfMs: now(), receivedAtMs: endedMs };
  const assessment = assess(outcome, parameters, { ...time, credentialsOwner });
  // If the deadline shortened the timeout, a timeout is no failure of the upstream.
  const isCutShort = outcome.kind === 'timeout' && timeoutMs < attemptTimeoutMs;
  tenantPolicy.circuit.record(generation, isCutShort ? 'unknown' : assessment.health);
  emit({
    type: 'upstreamCallEnded',
    requestId,
    traceId: span.traceId,
    ...describe(outcome, assessment),
    problem: assessment.problem,
    severity: assessment.severity,
    durationMs: endedMs - startedMs,
  });
  for (const kind of assessment.drift) emit({ type: 'contractDrift', requestId, kind });
  if (assessment.failure === 'rejectedGateway') emit({ type: 'credentialsRejected', requestId });
  const { pause } = tenantPolicy;
  pause.record(assessment);
  return assessment.retryable ? postpone(assessment, pause.current()?.remainingMs ?? 0) : assessment;
}

function describe(outcome: AttemptOutcome, { failure }: Assessment) {
  const result = outcome.kind === 'answered' ? outcome.status : outcome.kind;
  return {
    result: failure === 'errorPage' ? ('error_page' as const) : result,
    reason: outcome.kind === 'connection' ? outcome.reason : undefined,
    upstreamIds: outcome.kind === 'answered' ? outcome.headers.ids : {},
  };
}

/** The pause before the next attempt; undefined if the result stands. */
function decidePause(
  { retries, monotonic }: PolicyDependencies,
  { attempts, deadlineAtMs, tenantPolicy }: Load,
  { retryable, retryAfterMs }: Assessment,
): number | undefined {
  if (!retryable) return undefined;
  const { circuit, pause, budget } = tenantPolicy;
  const remainingMs = deadlineAtMs - monotonic();
  const pauseMs = decideRetry({ attempts, retries, remainingMs, retryAfterMs, random: Math.random() });
  if (pauseMs === undefined) return undefined;
  // The next attempt would be rejected.
  if (Math.max(circuit.remainingMs(), pause.current()?.remainingMs ?? 0) > pauseMs) return undefined;
  return budget.takeRetry() ? pauseMs : undefined;
}
