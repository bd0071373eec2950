import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import got, { RequestError, type Response, TimeoutError } from 'got';

/** No contract-abiding answer comes near this; a larger one is not read to its end. */
const maxBodyBytes = 65_536;

/** The parameters of Zenskar's "Get total customer entitlements", ids in canonical form, dates in Unix seconds. */
export type TotalParameters = {
  entitlementId: string;
  customerId: string;
  startDate: number | null;
  endDate: number | null;
};

/** What became of one attempt. Carries nothing of the HTTP library, whose errors hold the request's secrets. */
export type AttemptOutcome =
  | { kind: 'answered'; status: number; body: string; headers: AnswerHeaders }
  | { kind: 'timeout' }
  | { kind: 'connection'; reason: string }
  | { kind: 'aborted' }
  | { kind: 'too_large' };

type AnswerHeaders = { retryAfter: string | undefined; ids: Readonly<Record<string, string>> };

export type ZenskarClientSettings = {
  url: string;
  apiKey: string;
  organisation: string;
  apiVersion: string | undefined;
  attemptTimeoutMs: number;
  maxSockets: number;
  userAgent: string;
};

type AttemptContext = { requestId: string; signal: AbortSignal };

export type ZenskarClient = {
  /** Makes one HTTP call and never rejects. */
  attempt: (parameters: TotalParameters, context: AttemptContext) => Promise<AttemptOutcome>;
  close: () => void;
};

/** The HTTP side of Zenskar: one call is one attempt. When to call at all, and what an answer means, is decided elsewhere. */
export function createZenskarClient(settings: ZenskarClientSettings): ZenskarClient {
  const agentOptions = { keepAlive: true, maxSockets: settings.maxSockets };
  const agent = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  const client = got.extend({
    agent,
    headers: {
      accept: 'application/json',
      'user-agent': settings.userAgent,
      'x-api-key': settings.apiKey,
      organisation: settings.organisation,
      ...(settings.apiVersion === undefined ? {} : { apiversion: settings.apiVersion }),
    },
    timeout: { request: settings.attemptTimeoutMs },
    // A redirect would carry the credentials to wherever it points.
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    // A few hundred bytes are not worth unpacking, and what is not unpacked cannot be a bomb.
    decompress: false,
  });

  async function attempt(parameters: TotalParameters, { requestId, signal }: AttemptContext) {
    const oversize = new AbortController();
    try {
      const call = client(toUrl(settings.url, parameters), {
        headers: { 'x-request-id': requestId },
        signal: AbortSignal.any([signal, oversize.signal]),
      });
      call.on('downloadProgress', ({ transferred }) => {
        if (transferred > maxBodyBytes) oversize.abort();
      });
      return toAnswered(await call);
    } catch (error) {
      if (oversize.signal.aborted) return { kind: 'too_large' } as const;
      return toFailed(error, signal);
    }
  }

  function close() {
    agent.http.destroy();
    agent.https.destroy();
  }
  return { attempt, close };
}

function toUrl(base: string, { entitlementId, customerId, startDate, endDate }: TotalParameters): string {
  const query = new URLSearchParams();
  // Zenskar refuses an empty or null date, so an open end is left out.
  if (startDate !== null) query.set('start_date', String(startDate));
  if (endDate !== null) query.set('end_date', String(endDate));
  const path = `${base}/entitlements/${entitlementId}/customer/${customerId}/total`;
  return query.size > 0 ? `${path}?${query}` : path;
}

function toAnswered({ statusCode, headers, body }: Response<string>): AttemptOutcome {
  const ids = ['x-amzn-requestid', 'x-amz-apigw-id'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return {
    kind: 'answered',
    status: statusCode,
    body,
    headers: { retryAfter: headers['retry-after'], ids: Object.fromEntries(ids) },
  };
}

function toFailed(error: unknown, signal: AbortSignal): AttemptOutcome {
  if (signal.aborted) return { kind: 'aborted' };
  if (error instanceof TimeoutError) return { kind: 'timeout' };
  return { kind: 'connection', reason: error instanceof RequestError ? error.code : 'UNKNOWN' };
}
