import type { IncomingHttpHeaders } from 'node:http';
import { decodeBody } from './decodeBody.ts';
import { type AttemptContext, type AttemptOutcome, maxBodyBytes } from './request.ts';

/** Receives the parts of one HTTP response. Those that come after the outcome is settled are ignored. */
export type ResponseReader = {
  outcome: Promise<AttemptOutcome>;
  begin: (status: number, headers: IncomingHttpHeaders) => void;
  add: (chunk: Buffer) => void;
  end: () => void;
  /** The connection failed. */
  fail: (reason: string) => void;
  isSettled: () => boolean;
};

type Limits = Pick<AttemptContext, 'signal' | 'timeoutMs'>;

/**
 * Reads one response: to its end, or until the time is over, `signal` aborts or the body is too large. Calls `stop` to
 * end the HTTP call before its end.
 */
export function createResponseReader({ signal, timeoutMs }: Limits, stop: () => void): ResponseReader {
  const { promise: outcome, resolve } = Promise.withResolvers<AttemptOutcome>();
  const chunks: Buffer[] = [];
  let size = 0;
  let head: Head | undefined;
  let settled = false;

  function settle(outcome: AttemptOutcome): void {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    resolve(outcome);
  }

  function cancel(outcome: AttemptOutcome): void {
    if (settled) return;
    // A status other than 200 has a meaning of its own, even if the body never ends.
    if (head === undefined || head.status === 200 || outcome.kind === 'aborted') settle(outcome);
    else settle(toAnswered(head, ''));
    stop();
  }

  // After a pause of this process, the response may be received but unread: so read first.
  const expire = () => setImmediate(() => cancel({ kind: 'timeout' }));
  const timer = setTimeout(expire, timeoutMs);
  const abort = () => cancel({ kind: 'aborted' });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();

  return {
    outcome,
    begin(status, headers) {
      // Interim responses (RFC 9110, section 15.2) precede the final one.
      if (status >= 200) head = { status, headers };
    },
    add(chunk) {
      size += chunk.length;
      if (size > maxBodyBytes) cancel({ kind: 'too_large' });
      else chunks.push(chunk);
    },
    end() {
      if (head === undefined) return;
      const decoded = decodeBody(Buffer.concat(chunks), firstOf(head.headers['content-encoding']));
      if (decoded.kind === 'text') settle(toAnswered(head, decoded.text));
      else if (decoded.kind === 'tooLarge') cancel({ kind: 'too_large' });
      else settle({ ...toAnswered(head, ''), problem: decoded.problem });
    },
    fail: (reason) => cancel({ kind: 'connection', reason }),
    isSettled: () => settled,
  };
}

type Head = { status: number; headers: IncomingHttpHeaders };

/** The upstream's support finds a call by these. */
const idHeaders = ['x-amzn-requestid', 'x-amz-apigw-id'];

function toAnswered({ status, headers }: Head, body: string) {
  const ids: Record<string, string> = {};
  for (const name of idHeaders) {
    const value = headers[name];
    if (typeof value === 'string') ids[name] = value;
  }
  const retryAfter = firstOf(headers['retry-after']);
  const diagnosis = { date: firstOf(headers.date), location: firstOf(headers.location) };
  return { kind: 'answered', status, body, headers: { retryAfter, ids, ...diagnosis } } as const;
}

/** undici returns a list if a header occurs twice. */
function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
