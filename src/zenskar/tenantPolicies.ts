import type { TenantScope } from '../auth/tenant.ts';
import type { Emit } from '../telemetry/events.ts';
import { type Circuit, createCircuit } from './circuit.ts';
import { createFairQueue, type FairQueue } from './fairQueue.ts';
import { createRetryBudget, type RetryBudget } from './retryBudget.ts';

/** What the calls of one tenant share, and share with no other. */
export type TenantPolicy = {
  circuit: Circuit;
  queue: FairQueue;
  budget: RetryBudget;
  brake: Brake;
};

/** Holds back all calls of a tenant for as long as a 429 asked for. */
type Brake = {
  hold: (durationMs: number) => void;
  remainingMs: () => number;
};

export type PolicySettings = {
  concurrency: number;
  breakerFailures: number;
  breakerResetMs: number;
};

type PolicyDependencies = PolicySettings & { emit: Emit; now: () => number };

/** Callers that bring credentials of their own may bring any number. */
const maxTenants = 1000;

/** Makes each tenant's policy when it is first asked for, and forgets those longest unused. */
export function createTenantPolicies(dependencies: PolicyDependencies): (scope: TenantScope) => TenantPolicy {
  // A Map keeps its order: what was used last stands at its end.
  const policies = new Map<TenantScope, TenantPolicy>();

  function forgetOne(): void {
    for (const [scope, { queue }] of policies) {
      // One in use must stay the only one of its tenant, or its limits would count for nothing.
      if (queue.isIdle()) {
        policies.delete(scope);
        return;
      }
    }
  }

  return (scope) => {
    const policy = policies.get(scope) ?? createTenantPolicy(scope, dependencies);
    policies.delete(scope);
    policies.set(scope, policy);
    if (policies.size > maxTenants) forgetOne();
    return policy;
  };
}

function createTenantPolicy(tenant: TenantScope, dependencies: PolicyDependencies): TenantPolicy {
  const { concurrency, breakerFailures, breakerResetMs, emit, now } = dependencies;
  return {
    circuit: createCircuit({
      maxFailures: breakerFailures,
      resetMs: breakerResetMs,
      now,
      onChange: (state) => emit({ type: 'circuitChanged', tenant, state }),
    }),
    queue: createFairQueue(concurrency),
    budget: createRetryBudget(now),
    brake: createBrake({ now, onHold: (durationMs) => emit({ type: 'upstreamPaused', tenant, durationMs }) }),
  };
}

/** An upstream that asks for more is asked again after this all the same: it may have meant milliseconds. */
const longestHoldMs = 300_000;

function createBrake({ now, onHold }: { now: () => number; onHold: (durationMs: number) => void }): Brake {
  let untilMs = 0;
  return {
    hold(askedMs) {
      const durationMs = Math.min(askedMs, longestHoldMs);
      if (untilMs <= now()) onHold(durationMs);
      untilMs = Math.max(untilMs, now() + durationMs);
    },
    remainingMs: () => Math.max(0, untilMs - now()),
  };
}
