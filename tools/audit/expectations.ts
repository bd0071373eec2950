import { type AuditRequest, type AuditResponse, get, post, send } from './exchange.ts';
import { Failure, type MediaType, NotApplicable, type Row, type Target } from './target.ts';

type Members = Readonly<Record<string, unknown>>;
type GraphQLResponse = { data?: Members | null; errors?: readonly Members[] };

export function requireThat(holds: boolean, { label }: AuditResponse, reason: string): void {
  if (!holds) throw new Failure(`${label}: ${reason}`);
}

export function requireStatus(response: AuditResponse, status: number): void {
  requireThat(response.status === status, response, `status ${response.status} instead of ${status}`);
}

/** `to` is the last status that is accepted. */
export function requireStatusBetween(response: AuditResponse, from: number, to: number): void {
  const { status } = response;
  requireThat(status >= from && status <= to, response, `status ${status} instead of ${from} to ${to}`);
}

export function requireType(response: AuditResponse, mediaType: MediaType): void {
  requireThat(
    response.mediaType === mediaType,
    response,
    `type ${response.mediaType} instead of ${mediaType}`,
  );
}

/** The data of a response without errors. */
export function requireData(response: AuditResponse): Members {
  requireStatusBetween(response, 200, 299);
  const { data, errors } = requireGraphQL(response);
  requireThat(errors === undefined, response, `errors ${JSON.stringify(errors)}`);
  if (data === undefined || data === null) throw new Failure(`${response.label}: no data`);
  return data;
}

/** The errors of a response to a request that was not executed. */
export function requireRequestError(response: AuditResponse): readonly Members[] {
  const { data, errors } = requireGraphQL(response);
  requireThat(data === undefined, response, 'has data');
  return errors ?? [];
}

/** A response that is well-formed by the GraphQL specification, section 7. */
export function requireGraphQL(response: AuditResponse): GraphQLResponse {
  const problem = findProblem(parseBody(response));
  requireThat(problem === undefined, response, `status ${response.status}, ${problem}`);
  return parseBody(response) as GraphQLResponse;
}

/** Undefined unless the body is JSON in UTF-8. */
function parseBody({ bytes }: AuditResponse): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function findProblem(body: unknown): string | undefined {
  if (!isMap(body)) return 'the body is no JSON object in UTF-8';
  const { data, errors, extensions, ...others } = body;
  const [other] = Object.keys(others);
  if (other !== undefined) return `the body has the member ${other}`;
  if (data === undefined && errors === undefined) return 'the body has neither data nor errors';
  if (data === null && errors === undefined) return 'data is null without errors';
  if (data !== undefined && data !== null && !isMap(data)) return 'data is no object';
  if (extensions !== undefined && !isMap(extensions)) return 'extensions is no object';
  if (errors === undefined) return undefined;
  if (!Array.isArray(errors) || errors.length === 0) return 'errors is no list with entries';
  return errors.every(isError) ? undefined : 'an entry of errors is not well-formed';
}

function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isError(value: unknown): boolean {
  if (!isMap(value)) return false;
  const { message, path, extensions } = value;
  return (
    typeof message === 'string' &&
    (path === undefined || Array.isArray(path)) &&
    (extensions === undefined || isMap(extensions))
  );
}

/** A check that each of these requests gets this status. */
export function expectStatus(status: number, ...requests: AuditRequest[]) {
  return async (target: Target): Promise<void> => {
    for (const request of requests) requireStatus(await send(target, request), status);
  };
}

/** A check that each of these requests gets data without errors. */
export function expectData(...requests: AuditRequest[]) {
  return async (target: Target): Promise<void> => {
    for (const request of requests) requireData(await send(target, request));
  };
}

/** The query that succeeds, by another method than POST. */
export function probe(target: Target, method: 'GET' | 'QUERY'): AuditRequest {
  const { query } = target;
  return method === 'GET' ? get({ query }) : { ...post({ query }), method };
}

/** A check that applies to servers that answer a method which they need not support. */
export function ifSupported(method: 'GET' | 'QUERY', check: Row['check']): Row['check'] {
  return async (target) => {
    const response = await send(target, probe(target, method));
    try {
      requireData(response);
    } catch {
      throw new NotApplicable(
        `The server does not execute operations by ${method}: status ${response.status}.`,
      );
    }
    await check(target);
  };
}
