import { describe, expect, it } from '@jest/globals';
import { toFailure } from '../../src/zenskar/outcome.ts';
import type { PauseChannel, SharedPause } from '../../src/zenskar/pauseChannel.ts';
import { createTenantPolicies } from '../../src/zenskar/tenantPolicies.ts';
import { tenantOf } from '../support/totals.ts';

const settings = {
  concurrency: 2,
  breakerFailures: 3,
  breakerResetMs: 1000,
  emit: () => {},
  monotonic: () => 0,
};
const scopeOf = (n: number) => tenantOf(`tenant ${n}`).scope;

describe('tenant policies', () => {
  it('are the same object for the same tenant and another one for another tenant', () => {
    const policyOf = createTenantPolicies(settings);
    expect(policyOf(scopeOf(1))).toBe(policyOf(scopeOf(1)));
    expect(policyOf(scopeOf(1))).not.toBe(policyOf(scopeOf(2)));
  });

  it('forget the least recently used tenant once there are more than a thousand', () => {
    const policyOf = createTenantPolicies(settings);
    const [first, second] = [policyOf(scopeOf(0)), policyOf(scopeOf(1))];
    for (let n = 2; n < 1000; n += 1) policyOf(scopeOf(n));
    expect(policyOf(scopeOf(0))).toBe(first);
    policyOf(scopeOf(1000));
    expect(policyOf(scopeOf(0))).toBe(first);
    expect(policyOf(scopeOf(1))).not.toBe(second);
  });

  it('never forget a tenant while one of its calls runs', () => {
    const policyOf = createTenantPolicies(settings);
    const busy = policyOf(scopeOf(0));
    const release = busy.queue.tryAcquire();
    for (let n = 1; n < 1500; n += 1) policyOf(scopeOf(n));
    expect(policyOf(scopeOf(0))).toBe(busy);
    release?.();
  });

  it('keep the pause of a tenant while a thousand other tenants are used', () => {
    const policyOf = createTenantPolicies({ ...settings, monotonic: () => 1 });
    const { pause } = policyOf(scopeOf(0));
    pause.join({ kind: 'rateLimitPause', remainingMs: 3000, growth: 0 });
    for (let n = 1; n < 1500; n += 1) policyOf(scopeOf(n));
    expect(policyOf(scopeOf(0)).pause).toBe(pause);
  });

  it('forget a tenant with a pause if all thousand have one, and not the new one', () => {
    const policyOf = createTenantPolicies({ ...settings, monotonic: () => 1 });
    const pauses = Array.from({ length: 1000 }, (_, n) => policyOf(scopeOf(n)).pause);
    for (const pause of pauses) pause.join({ kind: 'rateLimitPause', remainingMs: 3000, growth: 0 });
    const added = policyOf(scopeOf(1000));
    expect(policyOf(scopeOf(1000))).toBe(added);
    expect(policyOf(scopeOf(999)).pause).toBe(pauses[999]);
    expect(policyOf(scopeOf(0)).pause).not.toBe(pauses[0]);
  });

  it('take the pause of another process for its tenant alone, also before the first use of that tenant', () => {
    let receive: (pause: SharedPause) => void = () => {};
    const shared: SharedPause[] = [];
    const pauseChannel: PauseChannel = {
      share: (pause) => void shared.push(pause),
      listen: (onPause) => {
        receive = onPause;
      },
    };
    const policyOf = createTenantPolicies({ ...settings, pauseChannel, monotonic: () => 1 });
    receive({ tenant: scopeOf(1), kind: 'failurePause', remainingMs: 3000, growth: 0 });
    expect(policyOf(scopeOf(1)).pause.current()).toEqual({ kind: 'failurePause', remainingMs: 3000 });
    expect(policyOf(scopeOf(2)).pause.current()).toBeUndefined();
    policyOf(scopeOf(2)).pause.record(toFailure('rateLimited', { retryAfterSeconds: 2 }));
    expect(shared).toEqual([{ tenant: scopeOf(2), kind: 'rateLimitPause', remainingMs: 2000, growth: 0 }]);
  });
});
