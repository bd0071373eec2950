import { parseJson } from '../../text.ts';
import type { Answer } from './call.ts';
import { isObject } from './isObject.ts';

/** What an answer says for itself. The API gateway in front of Zenskar says `message` or `Message`, Zenskar `detail`. */
export type Words = { by: 'message' | 'Message' | 'detail'; text: string };

const speakers = ['message', 'Message', 'detail'] as const;
const maxQuoted = 200;

export const askForIds = 'To check a real total as well, add -- --entitlement UUID --customer UUID.';

export function readWords({ body }: Pick<Answer, 'body'>): Words | undefined {
  const json = parseJson(body);
  if (!isObject(json)) return undefined;
  const by = speakers.find((speaker) => json[speaker] !== undefined);
  if (by === undefined) return undefined;
  const text = json[by];
  return { by, text: typeof text === 'string' ? text : '' };
}

/** Its words, to be set behind the status; nothing where it has none. Redacted first: half a secret is none to find. */
export function quoteWords(answer: Answer): string {
  const text = answer.redact(readWords(answer)?.text ?? '');
  return text === '' ? '' : ` with the words ${JSON.stringify(text.slice(0, maxQuoted))}`;
}

/** Where a redirect leads; without its query, which may hold what is nobody's business. */
export function readRedirect({ headers }: Answer, url: string): string {
  const target = URL.parse(headers.location ?? '', url);
  return target === null || headers.location === undefined ? 'nowhere' : target.origin + target.pathname;
}

/** Whether it is a web page. */
export function isMarkup({ headers, body }: Answer): boolean {
  return /html/i.test(headers['content-type'] ?? '') || body.trimStart().startsWith('<');
}

export function inTime({ sentMs, receivedMs }: Answer): string {
  return `Zenskar answered in ${Math.round(receivedMs - sentMs)} ms`;
}
