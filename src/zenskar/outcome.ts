import { z } from 'zod';
import { AppError, type ValidationError } from '../errors.ts';
import { parseJson } from '../text.ts';
import type { AttemptOutcome } from './request.ts';
import { parseRetryAfter } from './retryAfter.ts';

type Answered = Extract<AttemptOutcome, { kind: 'answered' }>;
type Unanswered = Exclude<AttemptOutcome, Answered>;

/** Maps an attempt that brought no answer. */
export function mapUnanswered(outcome: Unanswered): AppError {
  switch (outcome.kind) {
    case 'timeout':
      return new AppError('UPSTREAM_TIMEOUT', 'Zenskar gave no answer in time.');
    case 'connection':
      return new AppError('UPSTREAM_UNAVAILABLE', 'Zenskar could not be reached.');
    case 'aborted':
      return new AppError('UPSTREAM_UNAVAILABLE', 'The call to Zenskar was given up.');
    case 'too_large':
      return invalidResponse();
  }
}

/** Maps an answer that is not a total. Only the status decides, and for a 422 the place it complains about. */
export function mapStatus({ status, body, headers }: Answered, nowMs: number): AppError {
  const details = { upstreamStatus: status, retryAfterSeconds: parseRetryAfter(headers.retryAfter, nowMs) };
  switch (status) {
    case 400:
      return new AppError('BAD_USER_INPUT', 'Zenskar refused these arguments.', details);
    case 401:
    case 403:
      return rejectedCredentials(status);
    case 404:
      return new AppError('NOT_FOUND', 'Zenskar knows no such entitlement or customer.', details);
    case 408:
      return new AppError('UPSTREAM_TIMEOUT', 'Zenskar gave no answer in time.', details);
    case 422:
      return mapValidation(body);
    case 429:
      return new AppError('UPSTREAM_RATE_LIMITED', 'Zenskar limits the rate of calls.', details);
    default:
      if (status >= 500) return new AppError('UPSTREAM_UNAVAILABLE', 'Zenskar failed.', details);
      return invalidResponse(status);
  }
}

/** An answer outside the contract; the body itself stays out of the error. */
export function invalidResponse(upstreamStatus?: number): AppError {
  return new AppError('UPSTREAM_INVALID_RESPONSE', 'Zenskar gave an answer that cannot be understood.', {
    upstreamStatus,
  });
}

function rejectedCredentials(upstreamStatus: number): AppError {
  return new AppError('UPSTREAM_REJECTED_CREDENTIALS', 'Zenskar refused the credentials in use.', {
    upstreamStatus,
  });
}

function mapValidation(body: string): AppError {
  const validationErrors = decodeDetail(body);
  if (validationErrors.some(({ loc }) => loc[0] === 'header')) return rejectedCredentials(422);
  return new AppError('BAD_USER_INPUT', 'Zenskar refused these arguments.', {
    upstreamStatus: 422,
    validationErrors,
  });
}

// Pydantic v1 and v2 word and shape these differently, and other layers answer too. So every part may be missing or
// odd without harm to the others, nothing depends on the words, and whatever else an entry has (v2's `input` echoes the
// caller) is dropped.
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
  return parsed.success ? parsed.data.detail.filter((one) => one !== null) : [];
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
