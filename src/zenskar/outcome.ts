import { z } from 'zod';
import { AppError, type AppErrorDetails, type ErrorCode, type ValidationError } from '../errors.ts';
import { parseJson } from '../text.ts';
import type { Health } from './circuit.ts';
import type { AttemptOutcome, TotalParameters } from './request.ts';
import { parseHttpDate, parseRetryAfter } from './retry.ts';
import { type DriftKind, decodeTotal } from './totalBody.ts';

type Answer = Extract<AttemptOutcome, { kind: 'answered' }>;
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
const unreachable = 'Zenskar could not be reached.';
const rejected = 'Zenskar refused the credentials in use.';

/** What follows from each failure. The last four are calls that were not made. */
// biome-ignore format: a table is read by its columns.
const outcomes = {
  timeout:             ['UPSTREAM_TIMEOUT',              'retry', 'failing', 'serve', 'warn',  'Zenskar did not answer in time.'],
  connection:          ['UPSTREAM_UNAVAILABLE',          'retry', 'failing', 'serve', 'warn',  unreachable],
  errorPage:           ['UPSTREAM_UNAVAILABLE',          'retry', 'failing', 'serve', 'warn',  'Zenskar could not be reached: another server answered.'],
  aborted:             ['UPSTREAM_UNAVAILABLE',          'final', 'unknown', 'serve', 'debug', 'The call to Zenskar was cancelled.'],
  too_large:           ['UPSTREAM_INVALID_RESPONSE',     'final', 'healthy', 'serve', 'warn',  invalid],
  invalidResponse:     ['UPSTREAM_INVALID_RESPONSE',     'final', 'healthy', 'serve', 'warn',  invalid],
  badRequest:          ['BAD_USER_INPUT',                'final', 'healthy', 'drop',  'debug', 'Zenskar refused these arguments.'],
  rejectedGateway:     ['UPSTREAM_REJECTED_CREDENTIALS', 'final', 'healthy', 'serve', 'warn',  rejected],
  rejectedCaller:      ['UPSTREAM_REJECTED_CREDENTIALS', 'final', 'healthy', 'drop',  'warn',  rejected],
  notFound:            ['NOT_FOUND',                     'final', 'healthy', 'drop',  'debug', 'Zenskar knows no such entitlement or customer.'],
  invalidArguments:    ['BAD_USER_INPUT',                'final', 'healthy', 'drop',  'warn',  'Zenskar refused these arguments.'],
  rateLimited:         ['UPSTREAM_RATE_LIMITED',         'retry', 'healthy', 'serve', 'warn',  'Zenskar limits the rate of calls.'],
  serverError:         ['UPSTREAM_UNAVAILABLE',          'retry', 'failing', 'serve', 'warn',  'Zenskar failed.'],
  deadlinePassed:      ['UPSTREAM_TIMEOUT',              'final', 'unknown', 'serve', 'debug', 'Zenskar did not answer in time.'],
  rateLimitPause:      ['UPSTREAM_RATE_LIMITED',         'final', 'unknown', 'serve', 'debug', 'Zenskar limits the rate of calls.'],
  failurePause:        ['UPSTREAM_UNAVAILABLE',          'final', 'unknown', 'serve', 'debug', 'Zenskar failed and asked for a pause.'],
  circuitOpen:         ['UPSTREAM_UNAVAILABLE',          'final', 'unknown', 'serve', 'debug', 'Zenskar is failing; the circuit is open.'],
} as const satisfies Readonly<Record<string, Row>>;

type FailureKind = keyof typeof outcomes;

/** Whose credentials the calls carry: the caller's with `AUTH_MODE=passthrough`, else the gateway's. */
export type CredentialsOwner = 'gateway' | 'caller';

/** What Zenskar itself says with a 4xx. */
const kindOfRejection: ReadonlyMap<number, FailureKind> = new Map([
  [400, 'badRequest'],
  [403, 'rejectedGateway'],
  [404, 'notFound'],
  [422, 'invalidArguments'],
]);

function toKind({ status, body }: Answer, owner: CredentialsOwner): FailureKind {
  if (status >= 500) return 'serverError';
  if (status < 300) return 'invalidResponse';
  if (status === 408) return 'timeout';
  if (status === 429) return 'rateLimited';
  // The credentials of callers are access control, so any rejection of them counts.
  if (owner === 'caller' && (status === 401 || status === 403)) return 'rejectedCaller';
  if (status === 401) return 'rejectedGateway';
  // Zenskar rejects requests with a JSON object. Ingresses, load balancers and firewalls redirect or send pages of their own.
  if (status < 400 || !isJsonObject(body)) return 'errorPage';
  if (status === 422 && isAboutHeader(decodeDetail(body)))
    return owner === 'caller' ? 'rejectedCaller' : 'rejectedGateway';
  return kindOfRejection.get(status) ?? 'invalidResponse';
}

/** The gateway alone sets the headers of a call. */
function isAboutHeader(validationErrors: readonly ValidationError[]): boolean {
  return validationErrors.some(({ loc }) => loc[0] === 'header');
}

function isJsonObject(body: string): boolean {
  const json = parseJson(body);
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** When Zenskar answered: in milliseconds since the epoch, and by the monotonic clock. */
type AnswerTime = { asOfMs: number; receivedAtMs: number };

export type TotalResult =
  | ({ ok: true; quantity: number | null } & AnswerTime)
  | { ok: false; error: AppError; mayServeStale: boolean };

export type Assessment = {
  result: TotalResult;
  retryable: boolean;
  /** The pause that Zenskar asked for, or that the gateway makes; 0 if none. */
  retryAfterMs: number;
  health: Health;
  /** Undefined for a total. */
  failure: FailureKind | undefined;
  severity: Severity;
  /** What is wrong with the body of a 200, or that a response is not Zenskar's. */
  problem: string | undefined;
  /** In what a valid total differs from the documented contract. */
  drift: readonly DriftKind[];
};

type AssessContext = AnswerTime & { credentialsOwner: CredentialsOwner };

/** Looks up what the outcome of an attempt means. */
export function assess(
  outcome: AttemptOutcome,
  parameters: TotalParameters,
  { credentialsOwner, ...time }: AssessContext,
): Assessment {
  if (outcome.kind !== 'answered') return toFailure(outcome.kind);
  const { status: upstreamStatus, body, problem, headers } = outcome;
  if (upstreamStatus === 200)
    return problem === undefined ? assessTotal(body, parameters, time) : toInvalid(problem);
  const kind = toKind(outcome, credentialsOwner);
  const validationErrors = kind === 'invalidArguments' ? decodeDetail(body) : undefined;
  const retryAfterSeconds = needsOperator(kind)
    ? undefined
    : parseRetryAfter(headers.retryAfter, parseHttpDate(headers.date ?? '') || time.asOfMs);
  return toFailure(kind, { upstreamStatus, retryAfterSeconds, validationErrors });
}

/** A later call does not help before an operator has acted. */
function needsOperator(kind: FailureKind): boolean {
  const [code] = outcomes[kind];
  return code === 'UPSTREAM_REJECTED_CREDENTIALS' || code === 'UPSTREAM_INVALID_RESPONSE';
}

export function toFailure(kind: FailureKind, details: AppErrorDetails = {}): Assessment {
  const [code, retry, health, keptTotal, severity, message] = outcomes[kind];
  const error = new AppError(code, message, details);
  return {
    result: { ok: false, error, mayServeStale: keptTotal === 'serve' },
    retryable: retry === 'retry',
    retryAfterMs: (details.retryAfterSeconds ?? 0) * 1000,
    health,
    failure: kind,
    severity,
    problem:
      kind === 'errorPage' ? `another server answered with status ${details.upstreamStatus}` : undefined,
    drift: [],
  };
}

/** The same failure, if no call is allowed before this time. */
export function postpone(assessment: Assessment, retryAfterMs: number): Assessment {
  const { result } = assessment;
  if (result.ok || retryAfterMs <= assessment.retryAfterMs) return assessment;
  const { code, message, upstreamStatus } = result.error;
  const error = new AppError(code, message, { upstreamStatus, retryAfterSeconds: retryAfterMs / 1000 });
  return { ...assessment, result: { ...result, error }, retryAfterMs };
}

function toInvalid(problem: string): Assessment {
  return { ...toFailure('invalidResponse', { upstreamStatus: 200 }), problem };
}

function assessTotal(body: string, parameters: TotalParameters, time: AnswerTime): Assessment {
  const total = decodeTotal(body, parameters);
  if (!total.ok) return toInvalid(total.problem);
  return {
    result: { ok: true, quantity: total.quantity, ...time },
    retryable: false,
    retryAfterMs: 0,
    health: 'healthy',
    failure: undefined,
    severity: 'debug',
    problem: undefined,
    drift: total.drift,
  };
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
