import { LRUCache } from 'lru-cache';
import { createAskedBefore } from './http/askedBefore.ts';
import type { HttpAnswer, Posted } from './http/route.ts';
import type { Reuse } from './reuse.ts';
import type { Emit, OperationEnded } from './telemetry/events.ts';
import { describeOperation, type Span } from './telemetry/tracing.ts';

/** `asker`: all that an answer follows from, but what was posted. */
type Question = { asker: string; posted: Posted };

type Kept = { posted: Posted; answer: HttpAnswer; reuse: Reuse };

/** `reuse` is there where the same question may be answered the same again. */
export type Produced = HttpAnswer & { reuse: Reuse | undefined };

/** `startedMs`: since when it is under way, where that is not now. */
type Giving = { requestId: string; span: Span; startedMs?: number };

export type ResponseCache = {
  /** What was answered to this question before, where that is as good as asking again. */
  find: (question: Question) => Kept | undefined;
  /** Gives it again, and tells of it as of any operation. */
  give: (kept: Kept, giving: Giving) => HttpAnswer;
  /** Keeps what may be given again. */
  keep: (question: Question, produced: Produced) => void;
  /** An answer with a word on how long it is good for. */
  toAnswer: (produced: Produced) => HttpAnswer;
};

type CacheDependencies = { emit: Emit; now: () => number };

/** In characters, which are bytes for all but a few. */
const maxSize = 16_777_216;
/** V8 hashes longer texts by their length alone, so that a caller could make all of its own collide. */
const maxKeyLength = 16_000;
/** What is smaller is kept from the first time on. */
const smallSize = 4096;
/** Of large answers, fewer than there is room for: those that come again later would find theirs gone already. */
const maxQuestions = 1000;
/** What an entry takes beside its texts, roughly. */
const entrySize = 500;
const totalSize = 100;

/** Keeps whole answers by what was asked, by whom, and byte for byte, for as long as the data in them allows. */
export function createResponseCache({ emit, now }: CacheDependencies): ResponseCache {
  const kept = new LRUCache<string, Kept>({ maxSize });
  const isAskedAgain = createAskedBefore(maxQuestions);

  function find(question: Question): Kept | undefined {
    const key = toKey(question);
    const found = kept.get(key);
    if (found?.posted.text !== question.posted.text) return undefined;
    if (now() < found.reuse.untilMs && !found.reuse.isPurged()) return found;
    kept.delete(key);
    return undefined;
  }

  function keep(question: Question, { reuse, ...answer }: Produced): void {
    const { posted } = question;
    const key = toKey(question);
    if (reuse === undefined || key.length > maxKeyLength) return;
    const lengths = key.length + posted.text.length + answer.body.length;
    const size = lengths + entrySize + reuse.totals * totalSize;
    if (size > smallSize && !isAskedAgain(posted.crc)) return;
    kept.set(key, { posted, answer, reuse }, { size });
  }

  function give({ answer, reuse }: Kept, { requestId, span, startedMs = now() }: Giving): HttpAnswer {
    const { operationName, totals } = reuse;
    const ended: OperationEnded = {
      type: 'operationEnded',
      requestId,
      traceId: span.traceId,
      operationName,
      outcome: 'ok',
      codes: [],
      upstreamCalls: 0,
      totals: { memory: totals },
      responseCache: 'hit',
      execution: undefined,
      durationMs: now() - startedMs,
    };
    emit(ended);
    // Nothing but queries is kept.
    describeOperation(span, ended, { type: 'query', name: operationName ?? undefined });
    return toAnswer({ ...answer, reuse });
  }

  function toAnswer({ reuse, ...produced }: Produced): HttpAnswer {
    if (reuse === undefined) return produced;
    return { ...produced, headers: [...produced.headers, toCacheControl(reuse, now())] };
  }
  return { find, give, keep, toAnswer };
}

/** Short: V8 copies and hashes the whole of a key only to find that it never was before (docs/decisions/0010). */
function toKey({ asker, posted }: Question): string {
  return `${asker}\n${posted.crc}`;
}

/** Says for how long an answer is as good as asking again (RFC 9111, section 5.2.2), to the one who asked. */
function toCacheControl({ untilMs }: Reuse, nowMs: number): [string, string] {
  return ['cache-control', `private, max-age=${Math.max(0, Math.floor((untilMs - nowMs) / 1000))}`];
}
