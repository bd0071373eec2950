import type { TenantScope } from '../auth/tenant.ts';
import type { Emit } from '../telemetry/events.ts';
import { type CallPause, createCallPause } from './callPause.ts';
import { type Circuit, createCircuit } from './circuit.ts';
import { createFairQueue, type FairQueue } from './fairQueue.ts';
import type { PauseChannel } from './pauseChannel.ts';
import { createRetryBudget, type RetryBudget } from './retry.ts';

/** What all calls of one tenant share, and share with no other tenant. */
export type TenantPolicy = {
  circuit: Circuit;
  queue: FairQueue;
  budget: RetryBudget;
  pause: CallPause;
};

export type TenantPolicySettings = {
  concurrency: number;
  breakerFailures: number;
  breakerResetMs: number;
};

type TenantPolicyDependencies = TenantPolicySettings & {
  /** Shares pauses with other processes. */
  pauseChannel?: PauseChannel | undefined;
  emit: Emit;
  monotonic: () => number;
};

/** Callers with credentials of their own may bring any number of tenants. */
const maxTenants = 1000;

/** Creates each tenant's policy on first use, and forgets the least recently used ones. */
export function createTenantPolicies(
  dependencies: TenantPolicyDependencies,
): (scope: TenantScope) => TenantPolicy {
  // A Map keeps its order: the most recently used policy is the last.
  const policies = new Map<TenantScope, TenantPolicy>();

  /** A second policy beside one in use would double the tenant's limits. */
  const isIdle = ([, { queue }]: [TenantScope, TenantPolicy]) => queue.isIdle();
  /** A pause that is forgotten ends too early. */
  const isUnused = (entry: [TenantScope, TenantPolicy]) =>
    isIdle(entry) && entry[1].pause.current() === undefined;

  function evict(): void {
    const [scope] = policies.entries().find(isUnused) ?? policies.entries().find(isIdle) ?? [];
    if (scope !== undefined) policies.delete(scope);
  }

  function policyOf(scope: TenantScope): TenantPolicy {
    const known = policies.get(scope);
    if (known === undefined && policies.size >= maxTenants) evict();
    const policy = known ?? createTenantPolicy(scope, dependencies);
    policies.delete(scope);
    policies.set(scope, policy);
    return policy;
  }

  dependencies.pauseChannel?.listen(({ tenant, ...pause }) => policyOf(tenant).pause.join(pause));
  return policyOf;
}

function createTenantPolicy(tenant: TenantScope, dependencies: TenantPolicyDependencies): TenantPolicy {
  const { concurrency, breakerFailures, breakerResetMs, pauseChannel, emit, monotonic } = dependencies;
  return {
    circuit: createCircuit({
      maxFailures: breakerFailures,
      resetMs: breakerResetMs,
      monotonic,
      onChange: (state) => emit({ type: 'circuitChanged', tenant, state }),
    }),
    queue: createFairQueue(concurrency),
    budget: createRetryBudget(monotonic),
    pause: createCallPause({
      monotonic,
      onBegin: (durationMs, origin) => emit({ type: 'upstreamPaused', tenant, durationMs, origin }),
      share: (pause) => pauseChannel?.share({ ...pause, tenant }),
    }),
  };
}
