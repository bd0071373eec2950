import type { IncomingHttpHeaders } from 'node:http';
import { type AttemptContext, type AttemptOutcome, maxBodyBytes, toAnswered } from './request.ts';

/** To be told of an answer as it comes in. What comes after the end is not heard. */
export type Collector = {
  outcome: Promise<AttemptOutcome>;
  begin: (status: number, headers: IncomingHttpHeaders) => void;
  add: (chunk: Buffer) => void;
  end: () => void;
  fail: (reason: string) => void;
  isOver: () => boolean;
};

type Limits = Pick<AttemptContext, 'signal' | 'timeoutMs'>;

/**
 * Collects one answer: to its end, or to the time limit, or until nobody waits any longer or it is too large. `stop` ends
 * the call itself, where it is given up.
 */
export function createCollector({ signal, timeoutMs }: Limits, stop: () => void): Collector {
  const { promise: outcome, resolve } = Promise.withResolvers<AttemptOutcome>();
  const chunks: Buffer[] = [];
  let size = 0;
  let answer: { status: number; headers: IncomingHttpHeaders } | undefined;
  let over = false;

  function settle(outcome: AttemptOutcome): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    resolve(outcome);
  }

  function giveUp(outcome: AttemptOutcome): void {
    // A status that is no success says enough, even where its body never ends.
    if (answer === undefined || answer.status === 200 || outcome.kind === 'aborted') settle(outcome);
    else settle(toAnswered({ ...answer, body: '' }));
    stop();
  }

  const timer = setTimeout(() => giveUp({ kind: 'timeout' }), timeoutMs);
  const leave = () => giveUp({ kind: 'aborted' });
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();

  return {
    outcome,
    begin(status, headers) {
      // An interim answer (RFC 9110, section 15.2) is none yet.
      if (status >= 200) answer = { status, headers };
    },
    add(chunk) {
      size += chunk.length;
      if (size > maxBodyBytes) giveUp({ kind: 'too_large' });
      else chunks.push(chunk);
    },
    end() {
      if (answer !== undefined) settle(toAnswered({ ...answer, body: Buffer.concat(chunks).toString() }));
    },
    fail: (reason) => giveUp({ kind: 'connection', reason }),
    isOver: () => over,
  };
}
