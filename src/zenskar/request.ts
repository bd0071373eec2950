import type { IncomingHttpHeaders } from 'node:http';
import type { Tenant } from '../auth/tenant.ts';
import type { Span } from '../telemetry/tracing.ts';

/** No contract-abiding answer comes near this; a larger one is not read to its end. */
export const maxBodyBytes = 65_536;

/** The parameters of Zenskar's "Get total customer entitlements", ids in canonical form, dates in Unix seconds. */
export type TotalParameters = {
  entitlementId: string;
  customerId: string;
  startDate: number | null;
  endDate: number | null;
};

/** What became of one attempt. Carries nothing of the HTTP library, whose errors may hold the request's secrets. */
export type AttemptOutcome =
  | { kind: 'answered'; status: number; body: string; headers: AnswerHeaders }
  | { kind: 'timeout' }
  | { kind: 'connection'; reason: string }
  | { kind: 'aborted' }
  | { kind: 'too_large' };

type AnswerHeaders = {
  retryAfter: string | undefined;
  ids: Readonly<Record<string, string>>;
  /** For diagnosis. */
  date?: string | undefined;
  location?: string | undefined;
};

type Caller = {
  tenant: Tenant;
  requestId: string;
  /** What the attempt is a part of. */
  span: Span;
};

export type AttemptContext = Caller & {
  /** How often the same was asked before. */
  resends: number;
  signal: AbortSignal;
  timeoutMs: number;
};

/** The HTTP side of Zenskar: one call is one attempt. When to call at all, and what an answer means, is decided elsewhere. */
export type ZenskarClient = {
  /** Makes one HTTP call and never rejects. */
  attempt: (parameters: TotalParameters, context: AttemptContext) => Promise<AttemptOutcome>;
  close: () => void;
};

export type ZenskarClientSettings = {
  url: string;
  apiVersion: string | undefined;
  userAgent: string;
};

/** The path behind the base URL, as it may be told of. */
export const pathTemplate = '/entitlements/{entitlement_id}/customer/{customer_id}/total';

/** The path behind the base URL, with its query. */
export function toPath({ entitlementId, customerId, startDate, endDate }: TotalParameters): string {
  const path = `/entitlements/${entitlementId}/customer/${customerId}/total`;
  if (startDate === null && endDate === null) return path;
  // Zenskar refuses an empty or null date, so an open end is left out.
  const start = startDate === null ? [] : [`start_date=${startDate}`];
  const end = endDate === null ? [] : [`end_date=${endDate}`];
  return `${path}?${[...start, ...end].join('&')}`;
}

/** The headers of every call, whoever it is for. */
export function toOwnHeaders({ apiVersion, userAgent }: ZenskarClientSettings): Record<string, string> {
  return {
    accept: 'application/json',
    'user-agent': userAgent,
    ...(apiVersion === undefined ? {} : { apiversion: apiVersion }),
  };
}

/** The headers of a call for one tenant and one request. */
export function toCallHeaders({ tenant, requestId, span }: Caller): Record<string, string> {
  const { apiKey, organisation } = tenant;
  return { 'x-api-key': apiKey, organisation, 'x-request-id': requestId, ...span.headers };
}

/** By which the upstream's support finds a call. */
const idHeaders = ['x-amzn-requestid', 'x-amz-apigw-id'];

type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

export function toAnswered({ status, headers, body }: Answer): AttemptOutcome {
  const ids: Record<string, string> = {};
  for (const name of idHeaders) {
    const value = headers[name];
    if (typeof value === 'string') ids[name] = value;
  }
  const retryAfter = firstOf(headers['retry-after']);
  const date = firstOf(headers.date);
  const location = firstOf(headers.location);
  return { kind: 'answered', status, body, headers: { retryAfter, ids, date, location } };
}

/** undici returns a list if a header occurs twice. */
function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
