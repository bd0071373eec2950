import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import got, { type RequestError, type RequestFunction, type Response } from 'got';
import { createResponseReader } from './readResponse.ts';
import {
  type AttemptContext,
  type AttemptOutcome,
  type TotalParameters,
  toCallHeaders,
  toCommonHeaders,
  toPath,
  tunnelTimeoutMs,
  type ZenskarClient,
  type ZenskarClientSettings,
} from './request.ts';

/** A client that uses got. */
export function createGotClient(settings: ZenskarClientSettings): ZenskarClient {
  const { url, proxy } = settings;
  const isSecure = new URL(url).protocol === 'https:';
  // The agent has no limit of sockets: the policy limits the calls of each tenant.
  const options = { keepAlive: true, ...(proxy && { proxyEnv: { http_proxy: proxy, https_proxy: proxy } }) };
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  const client = got.extend({
    request: createRequest(isSecure, { agent, ...(proxy && { timeout: tunnelTimeoutMs }) }),
    headers: toCommonHeaders(settings),
    // A redirect would carry the credentials to another host.
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    // The reader decodes bodies, within the limit of their size.
    decompress: false,
  });

  // A stream takes three quarters of the time of got's promise; got's own timeout took another tenth.
  function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    // got checks a string character by character.
    const call = client.stream(new URL(url + toPath(parameters)), { headers: toCallHeaders(context) });
    const reader = createResponseReader(context, () => call.destroy());
    call.once('response', ({ statusCode, headers }: Response) => reader.begin(statusCode, headers));
    call.on('data', reader.add);
    call.once('end', reader.end);
    call.on('error', ({ code }: RequestError) => reader.fail(code));
    return reader.outcome;
  }
  return { attempt, close: () => agent.destroy() };
}

/** Passes a few options to Node, instead of got's forty. */
function createRequest(
  isSecure: boolean,
  connection: Pick<RequestOptions, 'agent' | 'timeout'>,
): RequestFunction {
  const request = isSecure ? httpsRequest : httpRequest;
  return ({ hostname, port, pathname, search }, { method, headers }, callback) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const path = `${pathname}${search}`;
    return request({ host, port, path, method, headers, ...connection }, callback as never);
  };
}
