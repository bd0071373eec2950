import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import got, { RequestError, type RequestFunction } from 'got';
import {
  type AttemptContext,
  type AttemptOutcome,
  maxBodyBytes,
  type TotalParameters,
  toAnswered,
  toCallHeaders,
  toOwnHeaders,
  toPath,
  type ZenskarClient,
  type ZenskarClientSettings,
} from './attempt.ts';

/** Calls Zenskar by got. */
export function createGotClient(settings: ZenskarClientSettings): ZenskarClient {
  // How many calls run at once is decided for each tenant apart: a limit of the agent would be one for all together.
  const isSecure = new URL(settings.url).protocol === 'https:';
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const client = got.extend({
    request: createRequest(isSecure, agent),
    headers: toOwnHeaders(settings),
    // A redirect would carry the credentials to wherever it points.
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    // A few hundred bytes are not worth unpacking, and what is not unpacked cannot be a bomb.
    decompress: false,
  });

  async function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    const { signal, timeoutMs } = context;
    const stop = new AbortController();
    let why: 'timeout' | 'aborted' | 'too_large' | undefined;
    const giveUp = (reason: typeof why) => {
      why ??= reason;
      stop.abort();
    };
    // A signal made of others, and got's own time limit, took about a fifth of a cold operation together.
    const timer = setTimeout(giveUp, timeoutMs, 'timeout');
    const leave = () => giveUp('aborted');
    signal.addEventListener('abort', leave, { once: true });
    try {
      if (signal.aborted) leave();
      const call = client(settings.url + toPath(parameters), {
        headers: toCallHeaders(context),
        signal: stop.signal,
      });
      call.on('downloadProgress', ({ transferred }) => {
        if (transferred > maxBodyBytes) giveUp('too_large');
      });
      const { statusCode: status, headers, body } = await call;
      return toAnswered({ status, headers, body });
    } catch (error) {
      return toFailed(error, why);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }
  return { attempt, close: () => agent.destroy() };
}

/** Hands Node the six options that matter, rather than the forty that got would. */
function createRequest(isSecure: boolean, agent: HttpAgent): RequestFunction {
  const request = isSecure ? httpsRequest : httpRequest;
  return ({ hostname, port, pathname, search }, { method, headers }, callback) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    return request({ host, port, path: `${pathname}${search}`, method, headers, agent }, callback as never);
  };
}

function toFailed(error: unknown, why: 'timeout' | 'aborted' | 'too_large' | undefined): AttemptOutcome {
  if (why === 'aborted') return { kind: 'aborted' };
  const response = error instanceof RequestError ? error.response : undefined;
  // A status that is no success says enough, even where its body never ends.
  if (response !== undefined && response.statusCode !== 200)
    return toAnswered({ status: response.statusCode, headers: response.headers, body: '' });
  if (why !== undefined) return { kind: why };
  return { kind: 'connection', reason: error instanceof RequestError ? error.code : 'UNKNOWN' };
}
