import type { Tenant } from '../auth/tenant.ts';
import type { Span } from '../telemetry/tracing.ts';

/** No response that keeps to the contract comes near this size; a larger one is not read to its end. */
export const maxBodyBytes = 65_536;

/** The longest wait for the answer of a proxy to CONNECT: it goes on after the attempt that began it. */
export const tunnelTimeoutMs = 10_000;

/** The parameters of Zenskar's "Get total customer entitlements", ids in canonical form, dates in Unix seconds. */
export type TotalParameters = {
  entitlementId: string;
  customerId: string;
  startDate: number | null;
  endDate: number | null;
};

/** How one attempt ended. Carries no error of the HTTP library: it may hold the request's secrets. */
export type AttemptOutcome =
  /** `problem`: why the body could not be decoded; it is empty then. */
  | { kind: 'answered'; status: number; body: string; problem?: string; headers: AnswerHeaders }
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
  /** The parent of the attempt's span. */
  span: Span;
};

export type AttemptContext = Caller & {
  /** Earlier attempts for the same total. */
  resends: number;
  signal: AbortSignal;
  timeoutMs: number;
};

/** Makes HTTP calls to Zenskar. Retries and the meaning of outcomes are the policy's. */
export type ZenskarClient = {
  /** Makes one HTTP call; never rejects. */
  attempt: (parameters: TotalParameters, context: AttemptContext) => Promise<AttemptOutcome>;
  close: () => void;
};

export type ZenskarClientSettings = {
  url: string;
  apiVersion: string | undefined;
  userAgent: string;
  /** URL of the proxy on the way; undefined without one. */
  proxy?: string | undefined;
};

/** The path after the base URL, without ids: for traces. */
export const pathTemplate = '/entitlements/{entitlement_id}/customer/{customer_id}/total';

/** The path after the base URL, with its query. */
export function toPath({ entitlementId, customerId, startDate, endDate }: TotalParameters): string {
  const path = `/entitlements/${entitlementId}/customer/${customerId}/total`;
  if (startDate === null && endDate === null) return path;
  // Zenskar rejects an empty or null date, so an open end is left out.
  const start = startDate === null ? [] : [`start_date=${startDate}`];
  const end = endDate === null ? [] : [`end_date=${endDate}`];
  return `${path}?${[...start, ...end].join('&')}`;
}

/** The headers that are equal for all calls. */
export function toCommonHeaders({ apiVersion, userAgent }: ZenskarClientSettings): Record<string, string> {
  return {
    accept: 'application/json',
    // Compression saves nothing on a few hundred bytes.
    'accept-encoding': 'identity',
    'user-agent': userAgent,
    ...(apiVersion === undefined ? {} : { apiversion: apiVersion }),
  };
}

/** The headers of a call for one tenant and one request. */
export function toCallHeaders({ tenant, requestId, span }: Caller): Record<string, string> {
  const { apiKey, organisation } = tenant;
  return { 'x-api-key': apiKey, organisation, 'x-request-id': requestId, ...span.toHeaders() };
}
