import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import got, { type RequestError, type RequestFunction, type Response } from 'got';
import { createCollector } from './readResponse.ts';
import {
  type AttemptContext,
  type AttemptOutcome,
  type TotalParameters,
  toCallHeaders,
  toOwnHeaders,
  toPath,
  type ZenskarClient,
  type ZenskarClientSettings,
} from './request.ts';

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

  // As a stream, which takes three quarters of the time that got's promise does; its own time limit took another tenth.
  function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    // Of a text, got would look at each letter.
    const url = new URL(settings.url + toPath(parameters));
    const call = client.stream(url, { headers: toCallHeaders(context) });
    const collector = createCollector(context, () => call.destroy());
    call.once('response', ({ statusCode, headers }: Response) => collector.begin(statusCode, headers));
    call.on('data', collector.add);
    call.once('end', collector.end);
    call.on('error', ({ code }: RequestError) => collector.fail(code));
    return collector.outcome;
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
