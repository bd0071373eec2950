/** What each error code means and whether the same request may succeed later. */
export const errorCodes = {
  BAD_USER_INPUT: {
    retryable: false,
    when: 'An argument is wrong; `validationErrors` says which, where that is known.',
  },
  NOT_FOUND: { retryable: false, when: 'Zenskar knows no such entitlement or customer.' },
  UNAUTHENTICATED: { retryable: false, when: 'The caller is not known. The only code with HTTP 401.' },
  FORBIDDEN: { retryable: false, when: 'The caller may not see this customer, whether or not there is one.' },
  QUERY_NOT_IN_SAFELIST: {
    retryable: false,
    when: 'Only listed operations run here, and this is none of them.',
  },
  RATE_LIMITED: { retryable: true, when: 'The caller asked too often.' },
  UPSTREAM_REJECTED_CREDENTIALS: {
    retryable: false,
    when: 'Zenskar refused the key or organisation in use. Who set them must act, not the user.',
  },
  UPSTREAM_RATE_LIMITED: { retryable: true, when: 'Zenskar limits the rate of calls.' },
  UPSTREAM_TIMEOUT: { retryable: true, when: 'Zenskar gave no answer in time.' },
  UPSTREAM_UNAVAILABLE: { retryable: true, when: 'Zenskar could not be reached, or failed.' },
  UPSTREAM_INVALID_RESPONSE: {
    retryable: false,
    when: 'Zenskar answered something outside its contract.',
  },
  INTERNAL_SERVER_ERROR: { retryable: false, when: 'Anything else. The cause is in the log only.' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

/** One complaint about one part of the input, as Zenskar words it. */
export type ValidationError = {
  /** Where the upstream saw it, such as `["query", "start_date"]`; empty where it names no place. */
  loc: readonly (string | number)[];
  msg: string;
  type: string;
  /** The GraphQL argument it is about, null where none. */
  argument: string | null;
};

export type AppErrorDetails = {
  upstreamStatus?: number | undefined;
  retryAfterSeconds?: number | undefined;
  validationErrors?: readonly ValidationError[] | undefined;
  /** For the log alone. */
  reason?: string | undefined;
};

/** A failure with a code that a client can act on. Its message and details may be shown. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly upstreamStatus: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly validationErrors: readonly ValidationError[] | undefined;
  /** For the log alone: more than the client should know. */
  readonly reason: string | undefined;

  constructor(code: ErrorCode, message: string, details: AppErrorDetails = {}) {
    super(message);
    this.name = 'AppError';
    this.code = code;
    this.upstreamStatus = details.upstreamStatus;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.validationErrors = details.validationErrors;
    this.reason = details.reason;
  }
}

/** What a client is told of an error beside its message. */
export function toExtensions(error: AppError, requestId: string) {
  const { code, upstreamStatus, retryAfterSeconds, validationErrors } = error;
  return {
    code,
    retryable: errorCodes[code].retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    requestId,
    ...(upstreamStatus === undefined ? {} : { upstream: { status: upstreamStatus } }),
    ...(validationErrors === undefined ? {} : { validationErrors }),
  };
}
