import type { TenantScope } from '../auth/tenant.ts';
import type { Emit } from '../telemetry/events.ts';
import { type CallPause, createCallPause } from './callPause.ts';
import { type Circuit, createCircuit } from './circuit.ts';
import { createFairQueue, type FairQueue } from './fairQueue.ts';
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

type TenantPolicyDependencies = TenantPolicySettings & { emit: Emit; monotonic: () => number };

/** Callers with credentials of their own may bring any number of tenants. */
const maxTenants = 1000;

/** Creates each tenant's policy on first use, and forgets the least recently used ones. */
export function createTenantPolicies(
  dependencies: TenantPolicyDependencies,
): (scope: TenantScope) => TenantPolicy {
  // A Map keeps its order: the most recently used policy is the last.
  const policies = new Map<TenantScope, TenantPolicy>();

  function evict(): void {
    for (const [scope, { queue }] of policies) {
      // A second policy beside one in use would double the tenant's limits.
      if (!queue.isIdle()) continue;
      policies.delete(scope);
      return;
    }
  }

  return (scope) => {
    const policy = policies.get(scope) ?? createTenantPolicy(scope, dependencies);
    policies.delete(scope);
    policies.set(scope, policy);
    if (policies.size > maxTenants) evict();
    return policy;
  };
}

function createTenantPolicy(tenant: TenantScope, dependencies: TenantPolicyDependencies): TenantPolicy {
  const { concurrency, breakerFailures, breakerResetMs, emit, monotonic } = dependencies;
  return {
    circuit: createCircuit({
      maxFailures: breakerFailures,
      resetMs: breakerResetMs,
      monotonic,
      onChange: (state) => emit({ type: 'circuitChanged', tenant, state }),
    }),
    queue: createFairQueue(concurrency),
    budget: createRetryBudget(monotonic),
    pause: createCallPause(monotonic, (durationMs) => emit({ type: 'upstreamPaused', tenant, durationMs })),
  };
}
