import { beforeEach, describe, expect, it } from '@jest/globals';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createWaiters } from '../../src/zenskar/fairQueue.ts';
import { createUpstream, type Upstream } from '../../src/zenskar/policy.ts';
import type { AttemptOutcome } from '../../src/zenskar/request.ts';
import { idOf } from '../support/ids.ts';
import { answerStatus, answerWith, tenantOf } from '../support/totals.ts';

const parameters = { entitlementId: idOf(1), customerId: idOf(2), startDate: null, endDate: null };
const tenant = tenantOf('one');
const never = new AbortController().signal;
const timeout: AttemptOutcome = { kind: 'timeout' };

/** What each attempt comes to, in turn; the last one for ever. */
let outcomes: AttemptOutcome[];
let attempts: { timeoutMs: number }[];
let clock: { nowMs: number };
/** How long an attempt takes. */
let durationMs: number;

function createTestUpstream({
  retries = 0,
  deadlineMs = 1000,
  concurrency = 10,
  breakerFailures = 3,
} = {}): Upstream {
  return createUpstream({
    client: {
      attempt: async (_, { timeoutMs }) => {
        attempts.push({ timeoutMs });
        clock.nowMs += Math.min(durationMs, timeoutMs);
        const outcome = outcomes.length > 1 ? outcomes.shift() : outcomes[0];
        return outcome ?? answerWith(parameters, 1);
      },
      close: () => {},
    },
    attemptTimeoutMs: 400,
    deadlineMs,
    retries,
    concurrency,
    breakerFailures,
    breakerResetMs: 100,
    emit: () => {},
    now: () => clock.nowMs,
  });
}

function load(upstream: Upstream, signal = never): Promise<unknown> {
  const context = {
    tenant,
    requestId: 'r',
    span: noSpan,
    waiters: createWaiters({}),
    signal,
    onAttempt: () => {},
  };
  return upstream.loadTotal(parameters, context).catch((error: { code: string }) => error.code);
}

beforeEach(() => {
  outcomes = [];
  attempts = [];
  clock = { nowMs: 1_000_000 };
  durationMs = 0;
});

describe('the upstream policy', () => {
  it('gives no attempt more time than is left of the deadline, and starts none after it', async () => {
    outcomes = [timeout];
    durationMs = 400;
    const upstream = createTestUpstream({ retries: 10, breakerFailures: 100 });
    expect(await load(upstream)).toBe('UPSTREAM_TIMEOUT');
    expect(attempts).toEqual([{ timeoutMs: 400 }, { timeoutMs: 400 }, { timeoutMs: 200 }]);
  });

  it.each([
    ['timeouts', timeout],
    ['failed connections', { kind: 'connection', reason: 'ECONNREFUSED' }],
    ['5xx', answerStatus(500)],
  ] as const)('opens the circuit on %s', async (_, outcome) => {
    outcomes = [outcome];
    const upstream = createTestUpstream();
    for (let n = 0; n < 5; n += 1) await load(upstream);
    expect(attempts).toHaveLength(3);
  });

  it.each([400, 401, 404, 422, 429])('does not open it on %i', async (status) => {
    outcomes = [answerStatus(status)];
    const upstream = createTestUpstream();
    for (let n = 0; n < 5; n += 1) await load(upstream);
    expect(attempts).toHaveLength(5);
  });

  it('learns nothing of the upstream from a call that was given up', async () => {
    outcomes = [answerStatus(500), answerStatus(500), { kind: 'aborted' }, answerStatus(500)];
    const upstream = createTestUpstream();
    for (let n = 0; n < 6; n += 1) await load(upstream);
    expect(attempts).toHaveLength(4);
  });

  it('nor from one that had less than an attempt, because it waited in line', async () => {
    outcomes = [timeout];
    durationMs = 400;
    const upstream = createTestUpstream({ deadlineMs: 300 });
    for (let n = 0; n < 5; n += 1) await load(upstream);
    expect(attempts).toHaveLength(5);
  });

  it('makes no call for a caller who has left', async () => {
    const upstream = createTestUpstream();
    expect(await load(upstream, AbortSignal.abort())).toBe('UPSTREAM_UNAVAILABLE');
    expect(attempts).toEqual([]);
  });

  it('gives up a pause when its caller leaves', async () => {
    const overloaded = { ...answerStatus(503), headers: { retryAfter: '60', ids: {} } } as AttemptOutcome;
    outcomes = [overloaded];
    const leaving = new AbortController();
    const loading = load(createTestUpstream({ retries: 2, deadlineMs: 600_000 }), leaving.signal);
    await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    // Without the signal this would take a minute: a 503 with Retry-After is waited for as well.
    expect(await loading).toBe('UPSTREAM_UNAVAILABLE');
    expect(attempts).toHaveLength(1);
  });

  it('counts only calls that were made towards the retry budget', async () => {
    outcomes = [
      { ...answerStatus(429), headers: { retryAfter: '5', ids: {} } } as AttemptOutcome,
      answerStatus(500),
    ];
    const upstream = createTestUpstream({ retries: 1, breakerFailures: 1_000_000 });
    for (let n = 0; n < 500; n += 1) await load(upstream);
    expect(attempts).toHaveLength(1);
    clock.nowMs += 5000;
    await Promise.all(Array.from({ length: 10 }, () => load(upstream)));
    // A tenth of the refused ones would have allowed 100 retries; ten are free.
    expect(attempts.length).toBeLessThanOrEqual(1 + 10 + 10);
  });

  it('holds all calls back for the longest pause that was asked for, but not for ever', async () => {
    const limited = (seconds: string) =>
      ({ ...answerStatus(429), headers: { retryAfter: seconds, ids: {} } }) as AttemptOutcome;
    const upstream = createTestUpstream();
    outcomes = [limited('10'), limited('1')];
    await Promise.all([load(upstream), load(upstream)]);
    outcomes = [limited('999999999')];
    clock.nowMs += 9000;
    expect(await load(upstream)).toBe('UPSTREAM_RATE_LIMITED');
    expect(attempts.length).toBeLessThanOrEqual(2);
    clock.nowMs += 1000;
    await load(upstream);
    const made = attempts.length;
    clock.nowMs += 300_000;
    await load(upstream);
    expect(attempts).toHaveLength(made + 1);
  });
});
