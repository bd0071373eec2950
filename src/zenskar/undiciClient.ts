import { type Dispatcher, Pool } from 'undici';
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

/** Calls Zenskar by undici's dispatcher, which does nothing that is not asked for. */
export function createUndiciClient(settings: ZenskarClientSettings): ZenskarClient {
  const { origin, pathname } = new URL(settings.url);
  const base = pathname === '/' ? '' : pathname;
  // Each attempt has a time limit of its own.
  const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 });
  const ownHeaders = toOwnHeaders(settings);

  function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    let controller: Dispatcher.DispatchController | undefined;
    const collector = createCollector(context, () => controller?.abort(new Error('given up')));
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // It may have been given up while it waited for a connection.
        if (collector.isOver()) controller.abort(new Error('given up'));
      },
      onResponseStart: (_, status, headers) => collector.begin(status, headers),
      onResponseData: (_, chunk) => collector.add(chunk),
      onResponseEnd: collector.end,
      onResponseError: (_, error) => collector.fail(reasonOf(error)),
    };
    const path = base + toPath(parameters);
    pool.dispatch({ path, method: 'GET', headers: { ...ownHeaders, ...toCallHeaders(context) } }, handler);
    return collector.outcome;
  }
  return { attempt, close: () => void pool.destroy() };
}

function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
