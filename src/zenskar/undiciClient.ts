import { type Dispatcher, Pool, ProxyAgent } from 'undici';
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

/** A client that uses undici's dispatcher, which neither retries, redirects nor decompresses. */
export function createUndiciClient(settings: ZenskarClientSettings): ZenskarClient {
  const { origin, pathname } = new URL(settings.url);
  const basePath = pathname === '/' ? '' : pathname;
  // The reader limits the time of each attempt.
  const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
  const { proxy } = settings;
  const pool = proxy
    ? new ProxyAgent({ uri: proxy, clientFactory, ...timeouts })
    : new Pool(origin, timeouts);
  const commonHeaders = toCommonHeaders(settings);

  function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    let controller: Dispatcher.DispatchController | undefined;
    const reader = createResponseReader(context, () => controller?.abort(new Error('cancelled')));
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // The attempt may have been cancelled while it waited for a connection.
        if (reader.isSettled()) controller.abort(new Error('cancelled'));
      },
      onResponseStart: (_, status, headers) => reader.begin(status, headers),
      onResponseData: (_, chunk) => reader.add(chunk),
      onResponseEnd: reader.end,
      onResponseError: (_, error) => reader.fail(toReason(error)),
    };
    const path = basePath + toPath(parameters);
    const headers = { ...commonHeaders, ...toCallHeaders(context) };
    pool.dispatch({ origin, path, method: 'GET', headers }, handler);
    return reader.outcome;
  }
  return { attempt, close: () => void pool.destroy() };
}

/** Connections to a proxy, for CONNECT. */
function clientFactory(proxy: URL, options: object): Pool {
  return new Pool(proxy, { ...options, headersTimeout: tunnelTimeoutMs });
}

function toReason(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
