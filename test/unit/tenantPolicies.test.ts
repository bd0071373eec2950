import { describe, expect, it } from '@jest/globals';
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
});
