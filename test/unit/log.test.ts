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
  severity: 'debug',
  requestId: 'r',
  result: 200,
  reason: undefined,
  problem: undefined,
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
  it('writes an event as one JSON line without undefined fields', () => {
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
    'escapes any text in a field: %j',
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

  it('writes an upstream call at the level of its severity, which the line does not repeat', () => {
    expect(logged(call)).toEqual([]);
    const line = { time: expect.any(String), msg: 'upstreamCallEnded', requestId: 'r', upstreamIds: {} };
    expect(logged(call, 'debug')).toEqual([{ ...line, level: 'debug', result: 200, durationMs: 3 }]);
    expect(logged({ ...call, severity: 'warn', result: 503 })).toEqual([
      { ...line, level: 'warn', result: 503, durationMs: 3 },
    ]);
    expect(logged({ ...call, severity: 'error', result: 401 })).toMatchObject([{ level: 'error' }]);
  });

  it.each(['warn', 'error'] as const)('throttles upstream calls of severity %s', (severity) => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLog({ level: 'info', secrets: [], destination });
    for (let n = 0; n < 3; n += 1) log({ ...call, severity });
    expect(lines).toHaveLength(1);
    log({ type: 'drained', listener: 'main', cut: 0, durationMs: 1 });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: severity },
      { level: severity, repeated: 2 },
      { level: 'info', msg: 'drained' },
    ]);
  });

  it('writes name, message, stack and causes of an unexpected error, and none of its other properties', () => {
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

  it.each([[undefined], [null], ['text'], [7], [Symbol('s')], [Object.create(null)], [{ toString: null }]])(
    'describes the thrown value %p',
    (cause) => {
      expect(logged({ type: 'unexpectedError', requestId: 'r', cause })).toMatchObject([
        { cause: { message: expect.any(String) } },
      ]);
    },
  );

  it('describes an error that is its own cause', () => {
    const cause = new Error('round');
    cause.cause = cause;
    expect(logged({ type: 'unexpectedError', requestId: 'r', cause })).toMatchObject([
      { cause: { message: 'round' } },
    ]);
  });

  it('redacts secrets in fields, messages and stacks', () => {
    const cause = new Error(`failed with ${secret}`);
    const text = JSON.stringify(logged({ type: 'unexpectedError', requestId: secret, cause }));
    expect(text).not.toContain('sk_live_');
    expect(text).toContain('failed with [redacted]');
  });
});
