import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
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

/** Calls Zenskar by undici's dispatcher, which does nothing that is not asked for. */
export function createUndiciClient(settings: ZenskarClientSettings): ZenskarClient {
  const { origin, pathname } = new URL(settings.url);
  const base = pathname === '/' ? '' : pathname;
  // Each attempt has a time limit of its own.
  const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 });
  const ownHeaders = toOwnHeaders(settings);

  function attempt(parameters: TotalParameters, context: AttemptContext): Promise<AttemptOutcome> {
    const { promise, resolve } = Promise.withResolvers<AttemptOutcome>();
    const path = base + toPath(parameters);
    const headers = { ...ownHeaders, ...toCallHeaders(context) };
    pool.dispatch({ path, method: 'GET', headers }, createHandler(context, resolve));
    return promise;
  }
  return { attempt, close: () => void pool.destroy() };
}

/** Ends at the answer's end, at the time limit, when nobody waits any longer, or when the answer is too large. */
function createHandler({ signal, timeoutMs }: AttemptContext, resolve: (outcome: AttemptOutcome) => void) {
  let controller: Dispatcher.DispatchController | undefined;
  let answer: { status: number; headers: IncomingHttpHeaders } | undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => giveUp({ kind: 'timeout' }), timeoutMs);
  const leave = () => giveUp({ kind: 'aborted' });
  signal.addEventListener('abort', leave, { once: true });

  function end(outcome: AttemptOutcome): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    resolve(outcome);
  }

  function giveUp(outcome: AttemptOutcome): void {
    // A status that is no success says enough, even where its body never ends.
    const saysEnough = answer !== undefined && answer.status !== 200 && outcome.kind !== 'aborted';
    end(saysEnough && answer !== undefined ? toAnswered({ ...answer, body: '' }) : outcome);
    controller?.abort(new Error(outcome.kind));
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started;
      // It may have been given up while it waited for a connection.
      if (signal.aborted) leave();
    },
    onResponseStart(_, status, headers) {
      answer = { status, headers };
    },
    onResponseData(_, chunk) {
      size += chunk.length;
      if (size > maxBodyBytes) giveUp({ kind: 'too_large' });
      else chunks.push(chunk);
    },
    onResponseEnd() {
      if (answer !== undefined) end(toAnswered({ ...answer, body: Buffer.concat(chunks).toString() }));
    },
    onResponseError: (_, error) => end({ kind: 'connection', reason: reasonOf(error) }),
  };
  return handler;
}

function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
