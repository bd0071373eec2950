import type { TotalRequest } from './selection.ts';
import { type Argument, isArgument } from './words.ts';

export type Total = { quantity: number | null; asOf: string; stale: boolean };

export type Failure = {
  code: string;
  retryable: boolean;
  /** Earliest time of a retry. */
  retryAtMs: number;
  /** The invalid fields of the form. */
  arguments: readonly Argument[];
};

export type Row = {
  key: string;
  request: TotalRequest;
  /** The latest total. It stays during a refresh and after a retryable failure. */
  total?: Total | undefined;
  failure?: Failure | undefined;
  /** Time of the last response for this row. */
  answeredAtMs?: number;
  isAsking: boolean;
};

/** An error of a response; `path` is undefined for an error of the whole operation. */
export type AnswerError = {
  path?: readonly (string | number)[] | undefined;
  extensions?: Readonly<Record<string, unknown>> | undefined;
};

/** Totals in the order of the requests; undefined if the gateway could not be reached. */
export type Answer = { totals: readonly (Total | null)[]; errors: readonly AnswerError[] } | undefined;

export type State = { rows: ReadonlyMap<string, Row>; isReachable: boolean };

export type Action =
  | { type: 'asked'; rows: readonly Row[] }
  | { type: 'answered'; rows: readonly Row[]; answer: Answer; nowMs: number };

export const initialState: State = { rows: new Map(), isReachable: true };

export function reduce(state: State, action: Action): State {
  const rows = new Map(state.rows);
  for (const [index, { key, request }] of action.rows.entries()) {
    const row = rows.get(key) ?? toRow(request);
    rows.set(key, action.type === 'asked' ? { ...row, isAsking: true } : settle(row, index, action));
  }
  const isReachable = action.type === 'asked' ? state.isReachable : action.answer !== undefined;
  return { rows, isReachable };
}

export function toRow(request: TotalRequest): Row {
  const { customerId, entitlementId, startDate, endDate } = request;
  return { key: [customerId, entitlementId, startDate, endDate].join('/'), request, isAsking: false };
}

export function isUnanswered({ total, failure }: Row): boolean {
  return total === undefined && failure === undefined;
}

export function isRetryable({ failure }: Row): boolean {
  return failure?.retryable === true;
}

/** Whether the last response for this row is older than this. */
export function isOlderThan({ answeredAtMs = 0 }: Row, ageMs: number, nowMs: number): boolean {
  return nowMs - answeredAtMs > ageMs;
}

/** Whether a request makes sense now: no failure, or a retryable one whose time has come. */
export function isDue({ failure }: Row, nowMs: number): boolean {
  return failure === undefined || (failure.retryable && failure.retryAtMs <= nowMs);
}

/** The rows with an invalid argument, by argument. */
export function blame(rows: readonly Row[]): ReadonlyMap<Argument, Row[]> {
  const blamed = rows.flatMap((row) => (row.failure?.arguments ?? []).map((name) => ({ name, row })));
  return new Map(
    [...Map.groupBy(blamed, ({ name }) => name)].map(([name, entries]) => [
      name,
      entries.map(({ row }) => row),
    ]),
  );
}

type Answered = Extract<Action, { type: 'answered' }>;

function settle(row: Row, index: number, { answer, nowMs }: Answered): Row {
  if (answer === undefined) return { ...row, isAsking: false };
  const answered = { ...row, answeredAtMs: nowMs, isAsking: false };
  const total = answer.totals[index] ?? undefined;
  if (total !== undefined) return { ...answered, total, failure: undefined };
  // An error of a total has its index. An error without a path applies to all totals of the operation.
  const error =
    answer.errors.find(({ path }) => path?.[1] === index) ?? answer.errors.find(({ path }) => !path);
  const failure = toFailure(error, nowMs);
  // After a rejection the user may no longer see the earlier total.
  return { ...answered, total: failure.retryable ? row.total : undefined, failure };
}

function toFailure(error: AnswerError | undefined, nowMs: number): Failure {
  const { code, retryable, retryAfterSeconds, validationErrors } = error?.extensions ?? {};
  const seconds = typeof retryAfterSeconds === 'number' ? retryAfterSeconds : 0;
  const entries: { argument?: unknown }[] = Array.isArray(validationErrors) ? validationErrors : [];
  return {
    code: typeof code === 'string' ? code : '',
    retryable: retryable === true,
    retryAtMs: nowMs + seconds * 1000,
    arguments: [...new Set(entries.map(({ argument }) => argument).filter(isArgument))],
  };
}
