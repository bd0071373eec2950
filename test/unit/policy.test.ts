import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { noSpan } from '../../src/telemetry/tracing.ts';
import { createWaiters } from '../../src/zenskar/fairQueue.ts';
import type { PauseChannel, SharedPause } from '../../src/zenskar/pauseChannel.ts';
import { createPolicy, type LoadResult, type Policy } from '../../src/zenskar/policy.ts';
import type { AttemptOutcome } from '../../src/zenskar/request.ts';
import { idOf } from '../support/ids.ts';
import { answerStatus, answerWith, tenantOf } from '../support/totals.ts';

const parameters = { entitlementId: idOf(1), customerId: idOf(2), startDate: null, endDate: null };
const tenant = tenantOf('one');
const never = new AbortController().signal;
const timeout: AttemptOutcome = { kind: 'timeout' };

/** The outcomes of the attempts, in order; the last one repeats. */
let outcomes: (AttemptOutcome | Promise<AttemptOutcome>)[];
let attempts: { timeoutMs: number }[];
let events: GatewayEvent[];
let clock: { nowMs: number };
/** How long an attempt takes. */
let durationMs: number;

function createTestPolicy({
  retries = 0,
  deadlineMs = 1000,
  concurrency = 10,
  breakerFailures = 3,
  pauseChannel = undefined as PauseChannel | undefined,
} = {}): Policy {
  return createPolicy({
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
    credentialsOwner: 'gateway',
    concurrency,
    breakerFailures,
    breakerResetMs: 100,
    pauseChannel,
    emit: (event) => void events.push(event),
    now: () => clock.nowMs,
    monotonic: () => clock.nowMs,
  });
}

function load(policy: Policy, signal = never): Promise<LoadResult> {
  return policy.loadTotal(parameters, {
    tenant,
    requestId: 'r',
    span: noSpan,
    waiters: createWaiters({}),
    signal,
  });
}

function failure(code: string, attemptsMade: number, mayServeStale = true) {
  return { ok: false, attempts: attemptsMade, mayServeStale, error: expect.objectContaining({ code }) };
}

function answerRetryAfter(status: number, retryAfter: string): AttemptOutcome {
  return { kind: 'answered', status, body: '', headers: { retryAfter, ids: {} } };
}

beforeEach(() => {
  outcomes = [];
  attempts = [];
  events = [];
  clock = { nowMs: 1_000_000 };
  durationMs = 0;
});

describe('the upstream policy', () => {
  it('returns a total with the time of its answer and the number of attempts', async () => {
    durationMs = 30;
    outcomes = [answerWith(parameters, 7)];
    expect(await load(createTestPolicy())).toEqual({
      ok: true,
      attempts: 1,
      quantity: 7,
      asOfMs: 1_000_030,
      receivedAtMs: 1_000_030,
    });
  });

  it('returns the failure of the last attempt, and counts the retries among the attempts', async () => {
    outcomes = [answerStatus(503), answerStatus(404)];
    const policy = createTestPolicy({ retries: 2 });
    expect(await load(policy)).toEqual(failure('NOT_FOUND', 2, false));
    expect(attempts).toHaveLength(2);
  });

  it.each([408, 500, 503])('retries after a %i', async (status) => {
    outcomes = [answerStatus(status), answerWith(parameters, 7)];
    expect(await load(createTestPolicy({ retries: 1 }))).toMatchObject({ ok: true, attempts: 2 });
  });

  it.each([204, 400, 401, 403, 404, 418, 422])('does not retry after a %i', async (status) => {
    outcomes = [answerStatus(status), answerWith(parameters, 7)];
    expect(await load(createTestPolicy({ retries: 1 }))).toMatchObject({ ok: false, attempts: 1 });
  });

  it.each([302, 400, 403, 404, 405, 422])(
    'retries after a %i that is the page of an ingress, and counts it for the circuit',
    async (status) => {
      outcomes = [answerStatus(status, '<html>'), answerWith(parameters, 7)];
      expect(await load(createTestPolicy({ retries: 1 }))).toMatchObject({ ok: true, attempts: 2 });
      outcomes = [answerStatus(status, '<html>')];
      attempts = [];
      const policy = createTestPolicy();
      for (let n = 0; n < 4; n += 1)
        expect(await load(policy)).toEqual(failure('UPSTREAM_UNAVAILABLE', n < 3 ? 1 : 0));
      expect(attempts).toHaveLength(3);
    },
  );

  it('calls an upstream that answered 503 with Retry-After only when that time is over', async () => {
    const policy = createTestPolicy();
    outcomes = [answerRetryAfter(503, '10'), answerWith(parameters, 7)];
    await load(policy);
    clock.nowMs += 9999;
    const rejected = await load(policy);
    expect(rejected).toEqual(failure('UPSTREAM_UNAVAILABLE', 0));
    expect(rejected).toMatchObject({ error: { retryAfterSeconds: 1 } });
    expect(events.filter(({ type }) => type === 'upstreamPaused')).toMatchObject([{ durationMs: 10_000 }]);
    clock.nowMs += 1;
    expect(await load(policy)).toMatchObject({ ok: true });
    expect(attempts).toHaveLength(2);
  });

  it('retries after a 429 without Retry-After when the pause of about a second is over', async () => {
    outcomes = [answerStatus(429), answerWith(parameters, 7)];
    const loading = load(createTestPolicy({ retries: 1, deadlineMs: 60_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    const [retry] = events.filter(({ type }) => type === 'upstreamRetry');
    expect(retry).toMatchObject({ attempts: 1, pauseMs: expect.any(Number) });
    expect(retry?.type === 'upstreamRetry' && retry.pauseMs).toBeGreaterThanOrEqual(500);
    clock.nowMs += 1000;
    expect(await loading).toMatchObject({ ok: true, attempts: 2 });
  });

  it('makes at most six calls in 30 s to an upstream that always answers 429 without Retry-After, and begins again with short pauses after a success', async () => {
    outcomes = [answerStatus(429)];
    const policy = createTestPolicy();
    for (let n = 0; n < 600; n += 1) {
      const result = await load(policy);
      expect(result).toMatchObject({ ok: false, error: { code: 'UPSTREAM_RATE_LIMITED' } });
      expect(!result.ok && result.error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      clock.nowMs += 50;
    }
    // Pauses of at most 1, 2, 4, 8, 16 and 30 s, and of at least half of that.
    expect(attempts.length).toBeGreaterThanOrEqual(5);
    expect(attempts.length).toBeLessThanOrEqual(6);
    outcomes = [answerWith(parameters, 7)];
    clock.nowMs += 30_000;
    expect(await load(policy)).toMatchObject({ ok: true });
    outcomes = [answerStatus(429)];
    await load(policy);
    // The success has reset the growth.
    clock.nowMs += 1000;
    outcomes = [answerWith(parameters, 7)];
    expect(await load(policy)).toMatchObject({ ok: true });
  });

  it('makes at most six calls in 30 s to such an upstream also if four processes share their pauses', async () => {
    outcomes = [answerStatus(429)];
    const listeners: ((pause: SharedPause) => void)[] = [];
    const pauseChannel: PauseChannel = {
      share: (pause) => {
        for (const onPause of listeners) onPause(pause);
      },
      listen: (onPause) => void listeners.push(onPause),
    };
    const policies = Array.from({ length: 4 }, () => createTestPolicy({ pauseChannel }));
    for (let n = 0; n < 600; n += 1) {
      await load(policies[n % policies.length] as Policy);
      clock.nowMs += 50;
    }
    expect(attempts.length).toBeGreaterThanOrEqual(5);
    expect(attempts.length).toBeLessThanOrEqual(6);
  });

  it('pauses for up to one second again after a 429 without Retry-After if the last one was long ago', async () => {
    outcomes = [answerStatus(429)];
    const policy = createTestPolicy();
    for (let n = 0; n < 6; n += 1) {
      await load(policy);
      clock.nowMs += 30_000;
    }
    clock.nowMs += 31_000;
    await load(policy);
    const pauses = events.flatMap((event) => (event.type === 'upstreamPaused' ? [event.durationMs] : []));
    expect(pauses.at(-2)).toBeGreaterThan(8000);
    expect(pauses.at(-1)).toBeLessThanOrEqual(1000);
  });

  it('does not begin with short pauses again because of a success that was in flight before the pause', async () => {
    const early = Promise.withResolvers<AttemptOutcome>();
    outcomes = [early.promise, answerStatus(429)];
    const policy = createTestPolicy();
    const success = load(policy);
    await load(policy);
    early.resolve(answerWith(parameters, 7));
    await success;
    clock.nowMs += 1000;
    outcomes = [answerStatus(429)];
    await load(policy);
    const pauses = events.flatMap((event) => (event.type === 'upstreamPaused' ? [event.durationMs] : []));
    expect(pauses).toHaveLength(2);
    expect(pauses[1]).toBeGreaterThanOrEqual(1000);
  });

  it('pauses once for several calls that were in flight together and got 429', async () => {
    outcomes = [answerStatus(429)];
    const policy = createTestPolicy();
    await Promise.all(Array.from({ length: 8 }, () => load(policy)));
    const pauses = events.flatMap((event) => (event.type === 'upstreamPaused' ? [event.durationMs] : []));
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeLessThanOrEqual(1000);
    expect(pauses[0]).toBeGreaterThanOrEqual(500);
  });

  it('asks clients to wait at least a second while the circuit is half-open', async () => {
    outcomes = [answerStatus(503)];
    const policy = createTestPolicy();
    for (let n = 0; n < 3; n += 1) await load(policy);
    clock.nowMs += 100;
    // The first of two probes; the other one finds the circuit half-open.
    const [, rejected] = await Promise.all([load(policy), load(policy)]);
    expect(rejected).toEqual(failure('UPSTREAM_UNAVAILABLE', 0));
    expect(rejected).toMatchObject({ error: { retryAfterSeconds: 1 } });
  });

  it("reports rejections of the gateway's own credentials, and serves kept totals meanwhile", async () => {
    for (const status of [401, 403, 404]) {
      outcomes = [answerStatus(status)];
      await load(createTestPolicy());
    }
    expect(events.filter(({ type }) => type === 'credentialsRejected')).toEqual([
      { type: 'credentialsRejected', requestId: 'r' },
      { type: 'credentialsRejected', requestId: 'r' },
    ]);
  });

  it('limits each attempt to the time until the deadline, and starts no attempt after it', async () => {
    outcomes = [timeout];
    durationMs = 400;
    const policy = createTestPolicy({ retries: 10, breakerFailures: 100 });
    expect(await load(policy)).toEqual(failure('UPSTREAM_TIMEOUT', 3));
    expect(attempts).toEqual([{ timeoutMs: 400 }, { timeoutMs: 400 }, { timeoutMs: 200 }]);
  });

  it.each([
    ['timeouts', timeout],
    ['failed connections', { kind: 'connection', reason: 'ECONNREFUSED' }],
    ['408', answerStatus(408)],
    ['5xx', answerStatus(500)],
  ] as const)('opens the circuit on %s', async (_, outcome) => {
    outcomes = [outcome];
    const policy = createTestPolicy();
    for (let n = 0; n < 4; n += 1) await load(policy);
    expect(attempts).toHaveLength(3);
    expect(await load(policy)).toEqual(failure('UPSTREAM_UNAVAILABLE', 0));
    expect(attempts).toHaveLength(3);
  });

  it.each([400, 401, 404, 422, 429])('does not open the circuit on %i', async (status) => {
    outcomes = [answerStatus(status)];
    const policy = createTestPolicy();
    for (let n = 0; n < 5; n += 1) {
      await load(policy);
      // The pause after a 429 is over.
      clock.nowMs += 30_000;
    }
    expect(attempts).toHaveLength(5);
  });

  it('counts a cancelled call neither as a success nor as a failure of the circuit', async () => {
    outcomes = [answerStatus(500), answerStatus(500), { kind: 'aborted' }, answerStatus(500)];
    const policy = createTestPolicy();
    for (let n = 0; n < 6; n += 1) await load(policy);
    expect(attempts).toHaveLength(4);
  });

  it('does not open the circuit on timeouts that the deadline cut short', async () => {
    outcomes = [timeout];
    durationMs = 400;
    const policy = createTestPolicy({ deadlineMs: 300 });
    for (let n = 0; n < 5; n += 1) await load(policy);
    expect(attempts).toHaveLength(5);
  });

  it('reports each attempt with its result and severity', async () => {
    outcomes = [answerStatus(408), answerStatus(404)];
    await load(createTestPolicy({ retries: 1 }));
    expect(events.map(({ type }) => type)).toEqual([
      'upstreamCallStarted',
      'upstreamCallEnded',
      'upstreamRetry',
      'upstreamCallStarted',
      'upstreamCallEnded',
    ]);
    expect(events.filter(({ type }) => type === 'upstreamCallEnded')).toMatchObject([
      { requestId: 'r', result: 408, severity: 'warn' },
      { requestId: 'r', result: 404, severity: 'debug' },
    ]);
  });

  it('reports the page of another server as error_page, with its status', async () => {
    outcomes = [answerStatus(404, 'default backend - 404')];
    await load(createTestPolicy());
    expect(events.filter(({ type }) => type === 'upstreamCallEnded')).toMatchObject([
      { result: 'error_page', problem: 'another server answered with status 404', severity: 'warn' },
    ]);
  });

  it('makes no call for a load that was cancelled before', async () => {
    const policy = createTestPolicy();
    expect(await load(policy, AbortSignal.abort())).toEqual(failure('UPSTREAM_UNAVAILABLE', 0));
    expect(attempts).toEqual([]);
  });

  it('ends the pause before a retry when the load is cancelled', async () => {
    outcomes = [answerRetryAfter(503, '60')];
    const cancellation = new AbortController();
    const loading = load(createTestPolicy({ retries: 2, deadlineMs: 600_000 }), cancellation.signal);
    await new Promise((resolve) => setImmediate(resolve));
    cancellation.abort();
    // If the pause ignored the signal, this would take a minute.
    expect(await loading).toEqual(failure('UPSTREAM_UNAVAILABLE', 1));
    expect(attempts).toHaveLength(1);
  });

  it('fails at once, without a negative timer, if the process was stopped beyond the deadline before a retry', async () => {
    const hanging = Promise.withResolvers<AttemptOutcome>();
    outcomes = [answerStatus(503), hanging.promise];
    const policy = createTestPolicy({ concurrency: 1, retries: 1 });
    const setTimer = jest.spyOn(globalThis, 'setTimeout');
    // The second load takes the only place while the first one pauses.
    const [stopped, second] = [load(policy), load(policy)];
    while (!events.some(({ type }) => type === 'upstreamRetry'))
      await new Promise((resolve) => setImmediate(resolve));
    clock.nowMs += 3_600_000;
    expect(await stopped).toEqual(failure('UPSTREAM_TIMEOUT', 1));
    expect(setTimer.mock.calls.map(([, ms]) => Number(ms) > 0)).not.toContain(false);
    setTimer.mockRestore();
    hanging.resolve(answerWith(parameters, 1));
    expect(await second).toMatchObject({ ok: true });
  });

  it('counts only calls that were made towards the retry budget', async () => {
    outcomes = [answerRetryAfter(429, '5'), answerStatus(500)];
    const policy = createTestPolicy({ retries: 1, breakerFailures: 1_000_000 });
    for (let n = 0; n < 500; n += 1) await load(policy);
    expect(attempts).toHaveLength(1);
    clock.nowMs += 5000;
    await Promise.all(Array.from({ length: 10 }, () => load(policy)));
    // A fifth of the 500 rejected calls would have allowed 100 retries; ten are always allowed.
    expect(attempts.length).toBeLessThanOrEqual(1 + 10 + 10);
  });

  it('rejects all calls for the longest pause that a 429 asked for, up to five minutes', async () => {
    const policy = createTestPolicy();
    outcomes = [answerRetryAfter(429, '10'), answerRetryAfter(429, '1')];
    await Promise.all([load(policy), load(policy)]);
    outcomes = [answerRetryAfter(429, '999999999')];
    clock.nowMs += 9000;
    const rejected = await load(policy);
    expect(rejected).toEqual(failure('UPSTREAM_RATE_LIMITED', 0));
    expect(rejected).toMatchObject({ error: { retryAfterSeconds: 1 } });
    expect(attempts.length).toBeLessThanOrEqual(2);
    clock.nowMs += 1000;
    await load(policy);
    const made = attempts.length;
    clock.nowMs += 300_000;
    await load(policy);
    expect(attempts).toHaveLength(made + 1);
  });
});
