/** When each error code is returned, and whether the same request may succeed later. */
export const errorCodes = {
  BAD_REQUEST: {
    retryable: false,
    when: 'The request is not a well-formed GraphQL request. The message says what was expected.',
  },
  BAD_USER_INPUT: {
    retryable: false,
    when: 'An argument is invalid. `validationErrors` names the argument if it is known.',
  },
  NOT_FOUND: { retryable: false, when: 'Zenskar does not know the entitlement or the customer.' },
  UNAUTHENTICATED: {
    retryable: false,
    when: 'The request has no valid credentials. The only code with HTTP 401.',
  },
  FORBIDDEN: {
    retryable: false,
    when: 'The caller may not see this customer. The code is the same if the customer does not exist.',
  },
  QUERY_NOT_IN_SAFELIST: {
    retryable: false,
    when: 'The gateway has a safelist, and the operation is not in it.',
  },
  SERVICE_UNAVAILABLE: {
    retryable: true,
    when: 'The gateway cannot answer now: it is stopping, cannot fetch the keys that verify tokens, or cannot reach Redis for a purge. The only code with HTTP 503.',
  },
  RATE_LIMITED: { retryable: true, when: 'The caller has used up its rate limit.' },
  UPSTREAM_REJECTED_CREDENTIALS: {
    retryable: false,
    when: 'Zenskar rejected the API key or the organisation. The operator must act, not the user.',
  },
  UPSTREAM_RATE_LIMITED: {
    retryable: true,
    when: 'Zenskar answered 429, or the pause after a 429 is not over.',
  },
  UPSTREAM_TIMEOUT: { retryable: true, when: 'Zenskar did not answer in time.' },
  UPSTREAM_UNAVAILABLE: {
    retryable: true,
    when: 'The connection failed, Zenskar answered 5xx, another server answered instead of it, the pause after a failure is not over, or the circuit breaker is open.',
  },
  UPSTREAM_INVALID_RESPONSE: {
    retryable: false,
    when: 'The response of Zenskar breaks its contract.',
  },
  INTERNAL_SERVER_ERROR: { retryable: false, when: 'Any other failure. Only the log has the cause.' },
} as const;

/** The media types of responses; the second is GraphQL's own. */
export type MediaType = 'application/json' | 'application/graphql-response+json';

/**
 * The HTTP status of a response without data: as `application/graphql-response+json`, and as `application/json`, with which a
 * well-formed operation gets 200, because routers drop the body of a 4xx (docs/errors.md).
 */
export const httpStatuses: Readonly<Record<string, readonly [graphqlResponse: number, json: number]>> = {
  GRAPHQL_PARSE_FAILED: [400, 400],
  GRAPHQL_VALIDATION_FAILED: [422, 400],
  OPERATION_RESOLUTION_FAILURE: [422, 400],
  BAD_REQUEST: [422, 400],
  BAD_USER_INPUT: [422, 200],
  UNAUTHENTICATED: [401, 401],
  SERVICE_UNAVAILABLE: [503, 503],
  QUERY_NOT_IN_SAFELIST: [403, 200],
  PERSISTED_QUERY_NOT_FOUND: [404, 200],
  RATE_LIMITED: [429, 200],
  INTERNAL_SERVER_ERROR: [500, 500],
};

/** The HTTP status of a response without data; 500 for codes that no such response has. */
export function toStatus(code: unknown, mediaType: MediaType): number {
  const [graphqlResponse, json] = httpStatuses[String(code)] ?? [500, 500];
  return mediaType === 'application/json' ? json : graphqlResponse;
}

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

/** One invalid part of the input, in the words of Zenskar. */
export type ValidationError = {
  /** Location in the upstream request, such as `["query", "start_date"]`; empty if Zenskar names none. */
  loc: readonly (string | number)[];
  msg: string;
  type: string;
  /** The GraphQL argument; null if no argument corresponds to `loc`. */
  argument: string | null;
};

export type AppErrorDetails = {
  upstreamStatus?: number | undefined;
  retryAfterSeconds?: number | undefined;
  validationErrors?: readonly ValidationError[] | undefined;
  /** The `www-authenticate` header, which every 401 has (RFC 9110, section 15.5.2). */
  challenge?: string | undefined;
  /** Only for the log. */
  reason?: string | undefined;
};

/** A failure with a code that a client can act on. Clients see everything but `reason`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly upstreamStatus: number | undefined;
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds: number | undefined;
  readonly validationErrors: readonly ValidationError[] | undefined;
  readonly challenge: string | undefined;
  /** Only for the log. */
  readonly reason: string | undefined;

  constructor(code: ErrorCode, message: string, details: AppErrorDetails = {}) {
    super(message);
    this.name = 'AppError';
    this.code = code;
    this.upstreamStatus = details.upstreamStatus;
    this.retryAfterSeconds = toWait(details.retryAfterSeconds);
    this.validationErrors = details.validationErrors;
    this.challenge = details.challenge;
    this.reason = details.reason;
  }
}

/** 0 would ask clients to repeat the request at once. */
function toWait(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(1, Math.ceil(seconds));
}

/** The `extensions` of an error in a response. */
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
