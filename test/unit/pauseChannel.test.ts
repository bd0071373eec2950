import { describe, expect, it } from '@jest/globals';
import type { TenantScope } from '../../src/auth/tenant.ts';
import { createPauseMemory, type SharedPause, sharedPause } from '../../src/zenskar/pauseChannel.ts';
import { tenantOf } from '../support/totals.ts';

const scopeOf = (n: number) => tenantOf(`tenant ${n}`).scope;
const pauseOf = (tenant: TenantScope, remainingMs: number): SharedPause => ({
  tenant,
  kind: 'rateLimitPause',
  remainingMs,
  growth: 0,
});

describe('a message about a pause', () => {
  it('is taken as it was sent', () => {
    const pause = pauseOf(scopeOf(1), 3000);
    expect(sharedPause.parse(JSON.parse(JSON.stringify(pause)))).toEqual(pause);
  });

  it.each<[string, object]>([
    ['another tenant than a hash', { tenant: 'constructor' }],
    ['an unknown kind', { kind: 'deadlinePassed' }],
    ['no time', { remainingMs: undefined }],
    ['a negative time', { remainingMs: -1 }],
    ['a time that is a text', { remainingMs: '3000' }],
    ['an infinite time', { remainingMs: Number.POSITIVE_INFINITY }],
    ['a growth that is no number', { growth: null }],
    ['a negative growth', { growth: -1 }],
  ])('is ignored if it has %s', (_, fields) => {
    expect(sharedPause.safeParse({ ...pauseOf(scopeOf(1), 3000), ...fields }).success).toBe(false);
  });
});

describe('the memory of pauses', () => {
  function createTestMemory() {
    const clock = { nowMs: 1_000_000 };
    return { clock, memory: createPauseMemory(() => clock.nowMs) };
  }

  it('has the remaining time of each pause until its end', () => {
    const { clock, memory } = createTestMemory();
    memory.remember(pauseOf(scopeOf(1), 3000));
    memory.remember(pauseOf(scopeOf(2), 5000));
    clock.nowMs += 2999;
    expect(new Set(memory.current())).toEqual(new Set([pauseOf(scopeOf(1), 1), pauseOf(scopeOf(2), 2001)]));
    clock.nowMs += 1;
    expect(memory.current()).toEqual([pauseOf(scopeOf(2), 2000)]);
  });

  it('keeps the longer one of two pauses of a tenant', () => {
    const { memory } = createTestMemory();
    memory.remember(pauseOf(scopeOf(1), 3000));
    memory.remember(pauseOf(scopeOf(1), 1000));
    expect(memory.current()).toEqual([pauseOf(scopeOf(1), 3000)]);
    memory.remember({ ...pauseOf(scopeOf(1), 4000), kind: 'failurePause' });
    expect(memory.current()).toEqual([{ ...pauseOf(scopeOf(1), 4000), kind: 'failurePause' }]);
  });

  it('keeps no pause for more than five minutes, and none of more than a thousand tenants', () => {
    const { clock, memory } = createTestMemory();
    for (let n = 0; n < 1001; n += 1) memory.remember(pauseOf(scopeOf(n), 1e12));
    expect(memory.current()).toHaveLength(1000);
    clock.nowMs += 299_999;
    expect(memory.current()[0]?.remainingMs).toBe(1);
    clock.nowMs += 1;
    expect(memory.current()).toEqual([]);
  });
});
