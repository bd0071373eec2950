import { describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import { AppError, errorCodes } from '../../src/errors.ts';
import { createFormatError } from '../../src/graphql/formatError.ts';

const masked = {
  message: 'Internal server error',
  extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId: 'r' },
};

function format(thrown: unknown, code = 'INTERNAL_SERVER_ERROR') {
  const causes: unknown[] = [];
  const formatted = {
    message: thrown instanceof Error ? thrown.message : 'secret',
    extensions: { code, leak: 'secret' },
  };
  const formatError = createFormatError((event) => {
    if (event.type === 'unexpectedError') causes.push(event.cause);
  });
  return { result: formatError(thrown, 'r', formatted), causes };
}

const fromResolver = (originalError: Error) =>
  new GraphQLError(originalError.message, { originalError, path: ['a'] });

describe('formatError', () => {
  it.each(Object.entries(errorCodes))(
    'returns the message, code and retryable flag of an AppError with the code %s',
    (code, { retryable }) => {
      const error = new AppError(code as keyof typeof errorCodes, 'Words.');
      const { result, causes } = format(fromResolver(error));
      expect(result).toEqual({ message: 'Words.', extensions: { code, retryable, requestId: 'r' } });
      expect(causes).toEqual([]);
    },
  );

  it('returns the details of an AppError', () => {
    const validationErrors = [{ loc: ['query', 'x'], msg: 'm', type: 't', argument: null }];
    const details = { upstreamStatus: 422, retryAfterSeconds: 7, validationErrors };
    expect(format(fromResolver(new AppError('BAD_USER_INPUT', 'Words.', details))).result.extensions).toEqual(
      {
        code: 'BAD_USER_INPUT',
        retryable: false,
        retryAfterSeconds: 7,
        requestId: 'r',
        upstream: { status: 422 },
        validationErrors,
      },
    );
  });

  it.each(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'PERSISTED_QUERY_NOT_FOUND'])(
    "leaves Apollo Server's error %s unchanged",
    (code) => {
      const { result, causes } = format(new GraphQLError('Words.', { extensions: { code } }), code);
      expect(result).toEqual({ message: 'Words.', extensions: { code, requestId: 'r' } });
      expect(causes).toEqual([]);
    },
  );

  it("adds retryable to Apollo Server's error BAD_REQUEST, like to the gateway's own", () => {
    const code = 'BAD_REQUEST';
    const { result, causes } = format(new GraphQLError('Words.', { extensions: { code } }), code);
    expect(result).toEqual({ message: 'Words.', extensions: { code, retryable: false, requestId: 'r' } });
    expect(causes).toEqual([]);
  });

  it.each([
    new Error('secret'),
    new TypeError('secret', { cause: new Error('secret') }),
    'secret',
    undefined,
    null,
    7,
    Symbol('secret'),
    { toString: null },
    Object.create(null),
  ])('masks any other thrown value and emits it for the log: %p', (thrown) => {
    expect(format(thrown)).toEqual({ result: masked, causes: [thrown] });
    if (thrown instanceof Error)
      expect(format(fromResolver(thrown))).toEqual({ result: masked, causes: [thrown] });
  });

  it('keeps the path and locations of a masked error', () => {
    const formatted = { message: 'secret', path: ['a', 0], locations: [{ line: 1, column: 2 }] };
    const formatError = createFormatError(() => {});
    expect(formatError(new Error('secret'), 'r', formatted)).toEqual({ ...formatted, ...masked });
  });
});
