import { z } from 'zod';
import { AppError, type AppErrorDetails, type ErrorCode, type ValidationError } from '../errors.ts';
import { parseJson } from '../text.ts';
import type { Health } from './circuit.ts';
import type { AttemptOutcome, TotalParameters } from './request.ts';
import { parseRetryAfter } from './retry.ts';

type Severity = 'debug' | 'warn' | 'error';

type Row = readonly [
  code: ErrorCode,
  /** Whether the policy makes another attempt. Not the `retryable` that clients see. */
  retry: 'retry' | 'final',
  /** What it says about the upstream, for the circuit. */
  health: Health,
  /** `serve`: a cached total may be returned instead. `drop`: Zenskar rejected the request, so the cached total is deleted. */
  keptTotal: 'serve' | 'drop',
  /** The level of the call's log line. */
  severity: Severity,
  message: string,
];

const invalid = 'Zenskar sent a response that breaks its contract.';

/** What follows from each failure. The last three are calls that were not made. */
// biome-ignore format: a table is read by its columns.
const outcomes = {
  timeout:             ['UPSTREAM_TIMEOUT',              'retry', 'failing', 'serve', 'warn',  'Zenskar did not answer in time.'],
  connection:          ['UPSTREAM_UNAVAILABLE',          'retry', 'failing', 'serve', 'warn',  'Zenskar could not be reached.'],
  aborted:             ['UPSTREAM_UNAVAILABLE',          'final', 'unknown', 'serve', 'debug', 'The call to Zenskar was cancelled.'],
  too_large:           ['UPSTREAM_INVALID_RESPONSE',     'final', 'healthy', 'serve', 'warn',  invalid],
  invalidResponse:     ['UPSTREAM_INVALID_RESPONSE',     'final', 'healthy', 'serve', 'warn',  invalid],
  badRequest:          ['BAD_USER_INPUT',                'final', 'healthy', 'drop',  'debug', 'Zenskar refused these arguments.'],
  rejectedCredentials: ['UPSTREAM_REJECTED_CREDENTIALS', 'final', 'healthy', 'drop',  'warn',  'Zenskar refused the credentials in use.'],
  notFound:            ['NOT_FOUND',                     'final', 'healthy', 'drop',  'debug', 'Zenskar knows no such entitlement or customer.'],
  invalidArguments:    ['BAD_USER_INPUT',                'final', 'healthy', 'drop',  'warn',  'Zenskar refused these arguments.'],
  rateLimited:         ['UPSTREAM_RATE_LIMITED',         'retry', 'healthy', 'serve', 'warn',  'Zenskar limits the rate of calls.'],
  serverError:         ['UPSTREAM_UNAVAILABLE',          'retry', 'failing', 'serve', 'warn',  'Zenskar failed.'],
  otherClientError:    ['UPSTREAM_INVALID_RESPONSE',     'final', 'healthy', 'drop',  'warn',  invalid],
  deadlinePassed:      ['UPSTREAM_TIMEOUT',              'final', 'unknown', 'serve', 'debug', 'Zenskar did not answer in time.'],
  rateLimitPause:      ['UPSTREAM_RATE_LIMITED',         'final', 'unknown', 'serve', 'debug', 'Zenskar limits the rate of calls.'],
  circuitOpen:         ['UPSTREAM_UNAVAILABLE',          'final', 'unknown', 'serve', 'debug', 'Zenskar is failing; the circuit is open.'],
} as const satisfies Readonly<Record<string, Row>>;

type FailureKind = keyof typeof outcomes;

const kindOfStatus: ReadonlyMap<number, FailureKind> = new Map([
  [400, 'badRequest'],
  [401, 'rejectedCredentials'],
  [403, 'rejectedCredentials'],
  [404, 'notFound'],
  [408, 'timeout'],
  [422, 'invalidArguments'],
  [429, 'rateLimited'],
]);

function toKind(status: number): FailureKind {
  if (status >= 500) return 'serverError';
  return kindOfStatus.get(status) ?? (status >= 400 ? 'otherClientError' : 'invalidResponse');
}

/** When Zenskar answered: in milliseconds since the epoch, and by the monotonic clock. */
type AnswerTime = { asOfMs: number; receivedAtMs: number };

export type TotalResult =
  | ({ ok: true; quantity: number | null } & AnswerTime)
  | { ok: false; error: AppError; mayServeStale: boolean };

export type Assessment = {
  result: TotalResult;
  retryable: boolean;
  /** The pause that Zenskar asked for; 0 if none. */
  retryAfterMs: number;
  health: Health;
  severity: Severity;
  /** What is wrong with the body of a 200. */
  problem: string | undefined;
};

/** Looks up what the outcome of an attempt means. */
export function assess(outcome: AttemptOutcome, parameters: TotalParameters, time: AnswerTime): Assessment {
  if (outcome.kind !== 'answered') return toFailure(outcome.kind);
  const { status: upstreamStatus, body, headers } = outcome;
  if (upstreamStatus === 200) return assessTotal(body, parameters, time);
  if (upstreamStatus === 422) return assessValidation(body);
  const kind = toKind(upstreamStatus);
  // A later call does not help before an operator has acted.
  const needsOperator = kind === 'rejectedCredentials' || outcomes[kind][0] === 'UPSTREAM_INVALID_RESPONSE';
  const retryAfterSeconds = needsOperator ? undefined : parseRetryAfter(headers.retryAfter, time.asOfMs);
  return toFailure(kind, { upstreamStatus, retryAfterSeconds });
}

export function toFailure(kind: FailureKind, details: AppErrorDetails = {}): Assessment {
  const [code, retry, health, keptTotal, severity, message] = outcomes[kind];
  const error = new AppError(code, message, details);
  return {
    result: { ok: false, error, mayServeStale: keptTotal === 'serve' },
    retryable: retry === 'retry',
    retryAfterMs: (details.retryAfterSeconds ?? 0) * 1000,
    health,
    severity,
    problem: undefined,
  };
}

function assessTotal(body: string, parameters: TotalParameters, time: AnswerTime): Assessment {
  const total = decodeTotal(body, parameters);
  if (!total.ok) return { ...toFailure('invalidResponse', { upstreamStatus: 200 }), problem: total.problem };
  return {
    result: { ok: true, quantity: total.quantity, ...time },
    retryable: false,
    retryAfterMs: 0,
    health: 'healthy',
    severity: 'debug',
    problem: undefined,
  };
}

function assessValidation(body: string): Assessment {
  const validationErrors = decodeDetail(body);
  // The gateway alone sets the headers.
  if (validationErrors.some(({ loc }) => loc[0] === 'header'))
    return toFailure('rejectedCredentials', { upstreamStatus: 422 });
  return toFailure('invalidArguments', { upstreamStatus: 422, validationErrors });
}

const numericText = z
  .string()
  .regex(/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/)
  .transform(Number)
  .pipe(z.number());

const totalBody = z.object({
  entitlement: z.string().toLowerCase(),
  customer: z.string().toLowerCase(),
  quantity: z.union([z.number(), numericText]).nullish(),
});

type DecodedTotal = { ok: true; quantity: number | null } | { ok: false; problem: string };

/**
 * Decodes the body of a 200. An absent quantity means null, and a numeric string its number. If the echoed ids differ
 * from the requested ones, the number belongs to another customer.
 */
export function decodeTotal(body: string, parameters: TotalParameters): DecodedTotal {
  const json = parseJson(body);
  if (json === undefined) return { ok: false, problem: 'the body is not JSON' };
  const parsed = totalBody.safeParse(json);
  if (!parsed.success) return { ok: false, problem: z.prettifyError(parsed.error) };
  const { entitlement, customer, quantity } = parsed.data;
  if (entitlement !== parameters.entitlementId || customer !== parameters.customerId) {
    return { ok: false, problem: 'the answer is about another entitlement or customer' };
  }
  return { ok: true, quantity: quantity ?? null };
}

// Pydantic v1 and v2 shape these bodies differently, and other layers answer too. So a missing or invalid part
// does not invalidate the others, nothing depends on the wording, and all other fields of an entry are dropped (v2's `input`
// echoes the caller).
const locPart = z.union([z.string(), z.number()]).nullable().catch(null);
const entry = z
  .object({
    loc: z.array(locPart).catch([]),
    msg: z.string().catch(''),
    type: z.string().catch(''),
  })
  .transform(({ loc, msg, type }): ValidationError => {
    const known = loc.filter((part) => part !== null);
    return { loc: known, msg, type, argument: toArgument(known) };
  });
const textEntry = z
  .string()
  .transform((msg): ValidationError => ({ loc: [], msg, type: '', argument: null }));
const anyEntry = z.union([textEntry, entry]).nullable().catch(null);
const validationBody = z.object({
  detail: z.union([z.array(anyEntry), anyEntry.transform((only) => [only])]),
});

function decodeDetail(body: string): ValidationError[] {
  const parsed = validationBody.safeParse(parseJson(body));
  return parsed.success ? parsed.data.detail.filter((validationError) => validationError !== null) : [];
}

const argumentOf = new Map([
  ['entitlement_id', 'entitlementId'],
  ['customer_id', 'customerId'],
  ['start_date', 'startDate'],
  ['end_date', 'endDate'],
]);

function toArgument(loc: readonly (string | number)[]): string | null {
  return loc.map((part) => argumentOf.get(String(part))).find((name) => name !== undefined) ?? null;
}
