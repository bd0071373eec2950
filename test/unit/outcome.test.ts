import { describe, expect, it } from '@jest/globals';
import type { AppError } from '../../src/errors.ts';
import { assess } from '../../src/zenskar/outcome.ts';
import type { AttemptOutcome } from '../../src/zenskar/request.ts';
import { customer, entitlement } from '../support/ids.ts';

const parameters = { entitlementId: entitlement, customerId: customer, startDate: null, endDate: null };
const nowMs = 1_000_000;
const time = { asOfMs: nowMs, receivedAtMs: 0 };
const context = { ...time, credentialsOwner: 'gateway' } as const;

const page = '<html><body>default backend - 404</body></html>';
const answer = (status: number, body = '{}', retryAfter?: string): AttemptOutcome => ({
  kind: 'answered',
  status,
  body,
  headers: { retryAfter, ids: {} },
});
const timeout: AttemptOutcome = { kind: 'timeout' };
const connection: AttemptOutcome = { kind: 'connection', reason: 'ECONNRESET' };
const aborted: AttemptOutcome = { kind: 'aborted' };
const tooLarge: AttemptOutcome = { kind: 'too_large' };
const headerMissing =
  '{"detail":[{"loc":["header","organisation"],"msg":"Field required","type":"missing"}]}';

function errorOf(outcome: AttemptOutcome): AppError {
  const { result } = assess(outcome, parameters, context);
  if (result.ok) throw new Error('The outcome is a total');
  return result.error;
}

const validationErrorsOf = (body: unknown) =>
  errorOf(answer(422, typeof body === 'string' ? body : JSON.stringify(body))).validationErrors;

describe('the outcome table', () => {
  it.each([
    ['a timeout', timeout, 'UPSTREAM_TIMEOUT', 'retry', 'failing', 'stale', 'warn'],
    ['a failed connection', connection, 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a cancelled call', aborted, 'UPSTREAM_UNAVAILABLE', 'final', 'unknown', 'stale', 'debug'],
    ['a too large body', tooLarge, 'UPSTREAM_INVALID_RESPONSE', 'final', 'healthy', 'stale', 'warn'],
    ['an invalid 200', answer(200, '{'), 'UPSTREAM_INVALID_RESPONSE', 'final', 'healthy', 'stale', 'warn'],
    ['a 204', answer(204, ''), 'UPSTREAM_INVALID_RESPONSE', 'final', 'healthy', 'stale', 'warn'],
    ['a 302', answer(302), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 404 page', answer(404, page), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 403 page', answer(403, page), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 400', answer(400), 'BAD_USER_INPUT', 'final', 'healthy', 'no stale', 'debug'],
    ['a 401', answer(401), 'UPSTREAM_REJECTED_CREDENTIALS', 'final', 'healthy', 'stale', 'warn'],
    ['a 403', answer(403), 'UPSTREAM_REJECTED_CREDENTIALS', 'final', 'healthy', 'stale', 'warn'],
    ['a 404', answer(404), 'NOT_FOUND', 'final', 'healthy', 'no stale', 'debug'],
    ['a 408', answer(408), 'UPSTREAM_TIMEOUT', 'retry', 'failing', 'stale', 'warn'],
    ['a 418', answer(418), 'UPSTREAM_INVALID_RESPONSE', 'final', 'healthy', 'stale', 'warn'],
    ['a 422', answer(422), 'BAD_USER_INPUT', 'final', 'healthy', 'no stale', 'warn'],
    [
      'a 422 about a header',
      answer(422, headerMissing),
      'UPSTREAM_REJECTED_CREDENTIALS',
      'final',
      'healthy',
      'stale',
      'warn',
    ],
    ['a 429', answer(429), 'UPSTREAM_RATE_LIMITED', 'retry', 'healthy', 'stale', 'warn'],
    ['a 500', answer(500), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 502', answer(502), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 503', answer(503), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 504', answer(504), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
    ['a 599', answer(599), 'UPSTREAM_UNAVAILABLE', 'retry', 'failing', 'stale', 'warn'],
  ])('maps %s to its error code, retry, health, stale totals and log level', (...row) => {
    const [, outcome, code, retry, health, stale, severity] = row;
    expect(assess(outcome, parameters, context)).toMatchObject({
      result: { ok: false, error: { code }, mayServeStale: stale === 'stale' },
      retryable: retry === 'retry',
      health,
      severity,
    });
  });

  it('maps a valid 200 to a total with the time of the answer, a healthy call and a debug log line', () => {
    const body = JSON.stringify({ entitlement, customer, quantity: 7 });
    expect(assess(answer(200, body), parameters, context)).toEqual({
      result: { ok: true, quantity: 7, ...time },
      retryable: false,
      retryAfterMs: 0,
      health: 'healthy',
      failure: undefined,
      severity: 'debug',
      problem: undefined,
      drift: [],
    });
  });

  it('names the problem of the body of an invalid 200', () => {
    expect(assess(answer(200, '{'), parameters, context)).toMatchObject({
      result: { error: { upstreamStatus: 200 } },
      problem: 'the body is not JSON',
    });
  });

  const objects = ['{}', '{"message":"x"}', '{"Message":"x"}', '{"detail":7}', '{"detail":[7,null]}'];
  const pages = ['', '<html>', '{', '[]', 'null', '7', '"Not Found"', 'default backend - 404', '\u0000'];

  it.each([204, 302, 401, 408, 429, 500, 599])('decides by the status %i alone, for every body', (status) => {
    const { code } = errorOf(answer(status));
    for (const body of [...objects, ...pages])
      expect(errorOf(answer(status, body))).toMatchObject({ code, upstreamStatus: status });
  });

  it.each([400, 403, 404, 405, 418, 422])(
    'takes a %i for the word of Zenskar only if its body is a JSON object',
    (status) => {
      const { code } = errorOf(answer(status));
      expect(code).not.toBe('UPSTREAM_UNAVAILABLE');
      for (const body of objects)
        expect(errorOf(answer(status, body))).toMatchObject({ code, upstreamStatus: status });
      for (const body of pages)
        expect(assess(answer(status, body), parameters, context)).toMatchObject({
          result: { error: { code: 'UPSTREAM_UNAVAILABLE', upstreamStatus: status }, mayServeStale: true },
          retryable: true,
          health: 'failing',
          failure: 'errorPage',
          problem: `another server answered with status ${status}`,
        });
    },
  );

  it.each([
    [401, '{}'],
    [403, '{}'],
    [401, page],
    [403, page],
    [422, headerMissing],
  ])('drops the cached total after a %i with the body %s for credentials of the caller', (status, body) => {
    const assessment = assess(answer(status, body), parameters, { ...time, credentialsOwner: 'caller' });
    expect(assessment).toMatchObject({
      result: { error: { code: 'UPSTREAM_REJECTED_CREDENTIALS' }, mayServeStale: false },
      retryable: false,
      failure: 'rejectedCaller',
    });
  });

  it('treats a 404 page as a failure for credentials of the caller as well', () => {
    const assessment = assess(answer(404, page), parameters, { ...time, credentialsOwner: 'caller' });
    expect(assessment.result).toMatchObject({ error: { code: 'UPSTREAM_UNAVAILABLE' }, mayServeStale: true });
  });

  it.each([400, 401, 404, 408, 418, 422, 429, 500])(
    'shows nothing of the body of a %i in its message',
    (status) => {
      const body = JSON.stringify({ detail: 'inside', message: 'inside' });
      expect(errorOf(answer(status, body)).message).not.toMatch(/inside/);
    },
  );

  it.each([-3_600_000, 0, 3_600_000])(
    'reads a date in Retry-After by the clock of the upstream if that is %i ms ahead of ours',
    (aheadMs) => {
      const toDate = (ms: number) => new Date(nowMs + aheadMs + ms).toUTCString();
      const headers = { retryAfter: toDate(20_000), date: toDate(0), ids: {} };
      const outcome = { kind: 'answered', status: 503, body: '{}', headers } as const;
      expect(errorOf(outcome).retryAfterSeconds).toBe(20);
    },
  );

  it.each([400, 404, 408, 429, 503])('passes on the Retry-After of a %i', (status) => {
    const { result, retryAfterMs } = assess(answer(status, '{}', '7'), parameters, context);
    expect(result).toMatchObject({ error: { retryAfterSeconds: 7 } });
    expect(retryAfterMs).toBe(7000);
  });

  it.each(['0', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'asks clients to wait a second after a 429 with the Retry-After %s, which is never zero',
    (retryAfter) => {
      expect(errorOf(answer(429, '{}', retryAfter)).retryAfterSeconds).toBe(1);
    },
  );

  it.each([401, 403, 418])(
    'does not pass on the Retry-After of a %i, as an operator has to act',
    (status) => {
      expect(errorOf(answer(status, '{}', '7')).retryAfterSeconds).toBeUndefined();
    },
  );
});

describe('the validation errors of a 422', () => {
  it('keep loc, msg and type of each entry and drop the rest', () => {
    const detail = [
      {
        type: 'uuid_parsing',
        loc: ['path', 'entitlement_id'],
        msg: 'm1',
        input: 'nope',
        ctx: { error: 'e' },
        url: 'u',
      },
      { loc: ['path', 'customer_id'], msg: 'm2', type: 'type_error.uuid' },
      { loc: ['query', 'start_date'], msg: 'm3', type: 't3' },
      { loc: ['query', 'end_date', 0], msg: 'm4', type: 't4' },
      { loc: ['query', 'other'], msg: 'm5', type: 't5' },
    ];
    expect(validationErrorsOf({ detail })).toEqual([
      { loc: ['path', 'entitlement_id'], msg: 'm1', type: 'uuid_parsing', argument: 'entitlementId' },
      { loc: ['path', 'customer_id'], msg: 'm2', type: 'type_error.uuid', argument: 'customerId' },
      { loc: ['query', 'start_date'], msg: 'm3', type: 't3', argument: 'startDate' },
      { loc: ['query', 'end_date', 0], msg: 'm4', type: 't4', argument: 'endDate' },
      { loc: ['query', 'other'], msg: 'm5', type: 't5', argument: null },
    ]);
  });

  it.each([
    ['no detail', {}, []],
    ['a string as detail', { detail: 'words' }, [{ loc: [], msg: 'words', type: '', argument: null }]],
    [
      'an object as detail',
      { detail: { msg: 'words' } },
      [{ loc: [], msg: 'words', type: '', argument: null }],
    ],
    [
      'a list of strings as detail',
      { detail: ['words'] },
      [{ loc: [], msg: 'words', type: '', argument: null }],
    ],
    [
      'invalid entries among valid ones',
      { detail: [{ loc: ['query', 'end_date', null], msg: 'm', type: 't' }, 7, null] },
      [{ loc: ['query', 'end_date'], msg: 'm', type: 't', argument: 'endDate' }],
    ],
    ['an incomplete entry', { detail: [{ loc: 7 }] }, [{ loc: [], msg: '', type: '', argument: null }]],
  ])('are decoded from a body with %s', (_, body, expected) => {
    expect(validationErrorsOf(body)).toEqual(expected);
  });

  it('are not shown if one is about a header, which is UPSTREAM_REJECTED_CREDENTIALS', () => {
    const detail = [
      { loc: ['query', 'start_date'], msg: 'm', type: 't' },
      { loc: ['header', 'organisation'], msg: 'field required', type: 'value_error.missing' },
      null,
    ];
    const error = errorOf(answer(422, JSON.stringify({ detail })));
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED_CREDENTIALS', upstreamStatus: 422 });
    expect(error.validationErrors).toBeUndefined();
  });
});
