import { describe, expect, it } from '@jest/globals';
import type { GatewayEvent } from '../../src/telemetry/events.ts';
import { createLog } from '../../src/telemetry/log.ts';

const secret = 'sk_live_"quoted"\\and\\more';

function logged(event: GatewayEvent, level: 'info' | 'debug' = 'info'): Record<string, unknown>[] {
  const lines: string[] = [];
  createLog({ level, secrets: [secret, 'a'], destination: { write: (line) => void lines.push(line) } })(
    event,
  );
  return lines.map((line) => JSON.parse(line));
}

const call = {
  type: 'upstreamCallEnded',
  requestId: 'r',
  result: 200,
  reason: undefined,
  problem: undefined,
  severity: 'debug',
  upstreamIds: {},
  durationMs: 3,
} as const;

const operation = {
  type: 'operationEnded',
  requestId: 'r',
  traceId: undefined,
  operationName: null,
  outcome: 'partial',
  codes: [],
  upstreamCalls: 2,
  totals: { memory: 50, failed: 1 },
  responseCache: 'miss',
  execution: 'compiled',
  durationMs: 12,
} as const;

describe('the log', () => {
  it('writes an event as one line', () => {
    expect(
      logged({ type: 'started', url: 'http://127.0.0.1:4000', adminUrl: undefined, authMode: 'none' }),
    ).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/Z$/),
        msg: 'started',
        url: 'http://127.0.0.1:4000',
        authMode: 'none',
      },
    ]);
  });

  it.each(['plain', '', 'a "quoted" \\ one', 'two\nlines\t', 'ünïcödé 🎟', '\u0000\u007f\u2028', '\ud800'])(
    'writes whatever stands in a text: %j',
    (requestId) => {
      const ended = { ...operation, requestId, claimedName: requestId, codes: [requestId, 'B'] };
      expect(logged(ended)).toEqual([
        {
          level: 'info',
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          msg: 'operationEnded',
          ...JSON.parse(JSON.stringify({ ...ended, type: undefined })),
        },
      ]);
    },
  );

  it('writes an upstream call at the level that its event names', () => {
    const line = { time: expect.any(String), msg: 'upstreamCallEnded', requestId: 'r', upstreamIds: {} };
    expect(logged(call)).toEqual([]);
    expect(logged(call, 'debug')).toEqual([{ ...line, level: 'debug', result: 200, durationMs: 3 }]);
    const failed = { ...call, result: 503, severity: 'warn' } as const;
    expect(logged(failed)).toEqual([{ ...line, level: 'warn', result: 503, durationMs: 3 }]);
  });

  it('takes an error with its causes, and nothing that hangs on it', () => {
    const cause = Object.assign(new Error('outer', { cause: new Error('inner') }), {
      options: { headers: 'x' },
    });
    const [line] = logged({ type: 'unexpectedError', requestId: 'r', cause });
    expect(line).toEqual({
      level: 'error',
      time: expect.any(String),
      msg: 'unexpectedError',
      requestId: 'r',
      cause: {
        name: 'Error',
        message: 'outer',
        stack: expect.stringMatching(/^Error: outer/),
        cause: { name: 'Error', message: 'inner', stack: expect.stringMatching(/^Error: inner/) },
      },
    });
  });

  it.each([[null], ['text'], [7], [Symbol('s')], [Object.create(null)], [{ toString: null }]])(
    'takes a thrown %p',
    (cause) => {
      expect(logged({ type: 'unexpectedError', requestId: 'r', cause })).toMatchObject([
        { cause: { message: expect.any(String) } },
      ]);
    },
  );

  it('takes an error that is its own cause', () => {
    const cause = new Error('round');
    cause.cause = cause;
    expect(logged({ type: 'unexpectedError', requestId: 'r', cause })).toMatchObject([
      { cause: { message: 'round' } },
    ]);
  });

  it('has no secret in it, wherever the secret stood', () => {
    const cause = new Error(`failed with ${secret}`);
    const text = JSON.stringify(logged({ type: 'unexpectedError', requestId: secret, cause }));
    expect(text).not.toContain('sk_live_');
    expect(text).toContain('failed with [redacted]');
  });
});
