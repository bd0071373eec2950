import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createWaiters } from '../../src/zenskar/fairQueue.ts';
import { createPolicy } from '../../src/zenskar/policy.ts';
import { maxFailureBackoffMs } from '../../src/zenskar/retry.ts';
import { idOf } from '../support/ids.ts';
import { answerStatus, answerWith, tenantOf } from '../support/totals.ts';

const parameters = { entitlementId: idOf(1), customerId: idOf(2), startDate: null, endDate: null };
const dayMs = 86_400_000;
const breakerResetMs = 5000;
/** The longest pause that a Retry-After can cause. */
const maxPauseMs = 300_000;
/** How far ahead of the answer the upstream's HTTP dates are. */
const dateMs = 20_000;

type Answer = { status: number; retryAfter?: string | undefined };

const answer = fc.oneof(
  fc.record({ status: fc.constantFrom(200, 503) }),
  fc.record({
    status: fc.constantFrom(429, 503),
    retryAfter: fc.constantFrom(undefined, '0', '1', '20', '999999999'),
  }),
  // An HTTP date: how far ahead it is depends on the wall clock at the time of the answer.
  fc.record({ status: fc.constantFrom(429, 503), retryAfter: fc.constant('date') }),
);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('load' as const), answer }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(8000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(maxPauseMs) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -dayMs, max: dayMs }) }),
  },
);

/** The longest time for which an answer may reject later calls. */
function toLongestWaitMs({ status, retryAfter }: Answer): number {
  if (status === 200) return 0;
  const askedMs = retryAfter === 'date' ? dateMs : Math.min(Number(retryAfter ?? 0) * 1000, maxPauseMs);
  if (status === 503) return Math.max(breakerResetMs, askedMs);
  return askedMs === 0 ? maxFailureBackoffMs : askedMs;
}

function createTestPolicy() {
  const clock = { nowMs: 1_000_000, jumpedMs: 1_700_000_000_000 };
  const upstream: { answer: Answer } = { answer: { status: 200 } };
  const monotonic = () => clock.nowMs;
  const now = () => clock.nowMs + clock.jumpedMs;
  const attempt = async () => {
    const { status, retryAfter } = upstream.answer;
    if (status === 200) return answerWith(parameters, 1);
    const date = new Date(now() + dateMs).toUTCString();
    const headers = { retryAfter: retryAfter === 'date' ? date : retryAfter, ids: {} };
    return { ...answerStatus(status), headers };
  };
  const policy = createPolicy({
    client: { attempt, close: () => {} },
    attemptTimeoutMs: 1000,
    deadlineMs: 1000,
    retries: 0,
    credentialsOwner: 'gateway',
    concurrency: 1,
    breakerFailures: 1,
    breakerResetMs,
    emit: () => {},
    now,
    monotonic,
  });
  const load = () =>
    policy.loadTotal(parameters, {
      tenant: tenantOf('one'),
      requestId: 'r',
      span: noSpan,
      waiters: createWaiters({}),
      signal: new AbortController().signal,
    });
  return { clock, upstream, load };
}

describe('for every sequence of answers, time and jumps of the wall clock by up to a day', () => {
  it('an open circuit and the pause of a 429 or Retry-After reject calls no longer than configured, and Retry-After is no longer either', async () => {
    const seen = { called: 0, rejected: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
        const { clock, upstream, load } = createTestPolicy();
        let freeAtMs = clock.nowMs;
        for (const step of actions) {
          if (step.kind === 'advance') clock.nowMs += step.ms;
          else if (step.kind === 'jump') clock.jumpedMs += step.ms;
          else {
            upstream.answer = step.answer;
            const result = await load();
            if (result.attempts > 0) {
              seen.called += 1;
              freeAtMs = Math.max(freeAtMs, clock.nowMs + toLongestWaitMs(step.answer));
            } else {
              seen.rejected += 1;
              const remainingMs = freeAtMs - clock.nowMs;
              expect(remainingMs).toBeGreaterThan(0);
              const retryAfterSeconds = result.ok ? undefined : result.error.retryAfterSeconds;
              expect(retryAfterSeconds).toBeGreaterThan(0);
              expect(retryAfterSeconds).toBeLessThanOrEqual(Math.ceil(remainingMs / 1000));
            }
          }
        }
        // After the longest wait the next call is made.
        clock.nowMs = Math.max(clock.nowMs, freeAtMs);
        expect((await load()).attempts).toBe(1);
      }),
      { numRuns: 1000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(500);
  }, 60_000);
});
