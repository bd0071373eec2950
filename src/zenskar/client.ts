import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import got, { RequestError, type Response, TimeoutError } from 'got';
import type { Tenant } from '../tenant.ts';

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
  apiVersion: string | undefined;
  userAgent: string;
};

type Answer = Pick<Response<string>, 'statusCode' | 'headers' | 'body'>;

type AttemptContext = { tenant: Tenant; requestId: string; signal: AbortSignal; timeoutMs: number };

export type ZenskarClient = {
  /** Makes one HTTP call and never rejects. */
  attempt: (parameters: TotalParameters, context: AttemptContext) => Promise<AttemptOutcome>;
  close: () => void;
};

/** The HTTP side of Zenskar: one call is one attempt. When to call at all, and what an answer means, is decided elsewhere. */
export function createZenskarClient(settings: ZenskarClientSettings): ZenskarClient {
  // How many calls run at once is decided for each tenant apart: a limit of the agent would be one for all together.
  const agentOptions = { keepAlive: true };
  const agent = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  const client = got.extend({
    agent,
    headers: {
      accept: 'application/json',
      'user-agent': settings.userAgent,
      ...(settings.apiVersion === undefined ? {} : { apiversion: settings.apiVersion }),
    },
    // A redirect would carry the credentials to wherever it points.
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    // A few hundred bytes are not worth unpacking, and what is not unpacked cannot be a bomb.
    decompress: false,
  });

  async function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    const { tenant, requestId, signal, timeoutMs } = context;
    const oversize = new AbortController();
    try {
      const call = client(toUrl(settings.url, parameters), {
        headers: {
          'x-api-key': tenant.apiKey,
          organisation: tenant.organisation,
          'x-request-id': requestId,
        },
        timeout: { request: timeoutMs },
        signal: AbortSignal.any([signal, oversize.signal]),
      });
      call.on('downloadProgress', ({ transferred }) => {
        if (transferred > maxBodyBytes) oversize.abort();
      });
      return toAnswered(await call);
    } catch (error) {
      return toFailed(error, { hasLeft: signal.aborted, isTooLarge: oversize.signal.aborted });
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

function toAnswered({ statusCode: status, headers, body }: Answer): AttemptOutcome {
  const ids = ['x-amzn-requestid', 'x-amz-apigw-id'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return {
    kind: 'answered',
    status,
    body,
    headers: { retryAfter: headers['retry-after'], ids: Object.fromEntries(ids) },
  };
}

function toFailed(error: unknown, why: { hasLeft: boolean; isTooLarge: boolean }): AttemptOutcome {
  if (why.hasLeft) return { kind: 'aborted' };
  const response = error instanceof RequestError ? error.response : undefined;
  // A status that is no success says enough, even where its body never ends.
  if (response !== undefined && response.statusCode !== 200)
    return toAnswered({ statusCode: response.statusCode, headers: response.headers, body: '' });
  if (why.isTooLarge) return { kind: 'too_large' };
  if (error instanceof TimeoutError) return { kind: 'timeout' };
  return { kind: 'connection', reason: error instanceof RequestError ? error.code : 'UNKNOWN' };
}
