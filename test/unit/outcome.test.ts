import { describe, expect, it } from '@jest/globals';
import { mapStatus } from '../../src/zenskar/outcome.ts';

const headers = { retryAfter: undefined, ids: {} };
const map = (status: number, body: unknown = '') =>
  mapStatus(
    { kind: 'answered', status, body: typeof body === 'string' ? body : JSON.stringify(body), headers },
    0,
  );

const entryOf = (body: unknown) => map(422, body).validationErrors;

describe('an answer that is no total', () => {
  it.each([
    [400, 'BAD_USER_INPUT'],
    [401, 'UPSTREAM_REJECTED_CREDENTIALS'],
    [403, 'UPSTREAM_REJECTED_CREDENTIALS'],
    [404, 'NOT_FOUND'],
    [408, 'UPSTREAM_TIMEOUT'],
    [422, 'BAD_USER_INPUT'],
    [429, 'UPSTREAM_RATE_LIMITED'],
    [500, 'UPSTREAM_UNAVAILABLE'],
    [599, 'UPSTREAM_UNAVAILABLE'],
    [204, 'UPSTREAM_INVALID_RESPONSE'],
    [302, 'UPSTREAM_INVALID_RESPONSE'],
    [418, 'UPSTREAM_INVALID_RESPONSE'],
  ])('of status %i is %s, whatever its body', (status, code) => {
    for (const body of [
      '',
      '<html>',
      '{',
      '[]',
      'null',
      '{"message":"x"}',
      '{"detail":7}',
      { detail: [7, null] },
    ]) {
      expect(map(status, body)).toMatchObject({ code, upstreamStatus: status });
    }
  });

  it('shows nothing of the body in its message', () => {
    for (const status of [400, 401, 404, 422, 500, 418]) {
      expect(map(status, { detail: 'inside', message: 'inside' }).message).not.toMatch(/inside/);
    }
  });

  it('carries the Retry-After it came with', () => {
    const limited = {
      kind: 'answered',
      status: 429,
      body: '',
      headers: { retryAfter: '7', ids: {} },
    } as const;
    expect(mapStatus(limited, 0).retryAfterSeconds).toBe(7);
    expect(mapStatus({ ...limited, status: 503 }, 0).retryAfterSeconds).toBe(7);
  });
});

describe("Zenskar's 422", () => {
  it('keeps loc, msg and type of each entry and drops the rest', () => {
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
    expect(entryOf({ detail })).toEqual([
      { loc: ['path', 'entitlement_id'], msg: 'm1', type: 'uuid_parsing', argument: 'entitlementId' },
      { loc: ['path', 'customer_id'], msg: 'm2', type: 'type_error.uuid', argument: 'customerId' },
      { loc: ['query', 'start_date'], msg: 'm3', type: 't3', argument: 'startDate' },
      { loc: ['query', 'end_date', 0], msg: 'm4', type: 't4', argument: 'endDate' },
      { loc: ['query', 'other'], msg: 'm5', type: 't5', argument: null },
    ]);
  });

  it.each([
    ['no detail', {}, []],
    ['a text', { detail: 'words' }, [{ loc: [], msg: 'words', type: '', argument: null }]],
    ['an object', { detail: { msg: 'words' } }, [{ loc: [], msg: 'words', type: '', argument: null }]],
    ['texts', { detail: ['words'] }, [{ loc: [], msg: 'words', type: '', argument: null }]],
    [
      'odd entries among good ones',
      { detail: [{ loc: ['query', 'end_date', null], msg: 'm', type: 't' }, 7, null] },
      [{ loc: ['query', 'end_date'], msg: 'm', type: 't', argument: 'endDate' }],
    ],
    ['half an entry', { detail: [{ loc: 7 }] }, [{ loc: [], msg: '', type: '', argument: null }]],
    ['no JSON', 'words', []],
  ])('is read where it has %s', (_, body, expected) => {
    expect(entryOf(body)).toEqual(expected);
  });

  it("on a header is the operator's fault", () => {
    const detail = [
      { loc: ['query', 'start_date'], msg: 'm', type: 't' },
      { loc: ['header', 'organisation'], msg: 'field required', type: 'value_error.missing' },
      null,
    ];
    const error = map(422, { detail });
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED_CREDENTIALS', upstreamStatus: 422 });
    expect(error.validationErrors).toBeUndefined();
  });
});
