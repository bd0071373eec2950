import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { HttpAnswer } from './route.ts';

type Sending = {
  requestId: string;
  /** Whether the connection ends with it. */
  isLast: boolean;
};

/** What the explorer's own policy cannot say for itself: a page's meta element may not forbid framing. */
const pagePolicy = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'";

/** Sends an answer. All headers go in one list, as Node takes them without looking at each. */
export function send(response: ServerResponse, answer: HttpAnswer, sending: Sending): void {
  const list = toHeaderList(answer, { ...sending, ownVary: response.getHeader('vary') });
  response.writeHead(answer.status, list).end(answer.body, toEncoding(answer.body));
}

type Writing = Pick<Sending, 'requestId'> & {
  ownHeaders: OutgoingHttpHeaders;
  date: string;
  /** As it is advertised. */
  keepAliveSeconds: number;
};

/** The same as a text, with what Node would say of itself, on a connection that stays open. */
export function toText(
  answer: HttpAnswer,
  { ownHeaders, date, keepAliveSeconds, requestId }: Writing,
): string {
  const { vary: ownVary, ...others } = ownHeaders;
  const list = toHeaderList(answer, { requestId, isLast: false, ownVary });
  let head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n`;
  for (const name in others) head += `${name}: ${others[name]}\r\n`;
  for (let n = 0; n < list.length; n += 2) head += `${list[n]}: ${list[n + 1]}\r\n`;
  const own = `date: ${date}\r\nconnection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}`;
  return `${head}${own}\r\n\r\n${answer.body}`;
}

/** Plain ASCII need not be looked through for what is none. */
export function toEncoding(body: string | Buffer): 'latin1' | 'utf8' {
  return Buffer.byteLength(body) === body.length ? 'latin1' : 'utf8';
}

function toHeaderList(
  { status, headers, body }: HttpAnswer,
  { requestId, isLast, ownVary }: Sending & { ownVary: OutgoingHttpHeaders[string] },
): string[] {
  const list = [
    'x-request-id',
    requestId,
    'x-content-type-options',
    'nosniff',
    'referrer-policy',
    'no-referrer',
  ];
  let cacheControl = 'no-store';
  for (const [name, value] of headers) {
    if (name === 'cache-control') cacheControl = value;
    else if (name === 'vary' && ownVary !== undefined) list.push(name, [ownVary, value].flat().join(', '));
    else list.push(name, value);
    if (name === 'content-type' && value === 'text/html') list.push('content-security-policy', pagePolicy);
  }
  list.push('cache-control', cacheControl);
  if (isLast) list.push('connection', 'close');
  if (status !== 204) list.push('content-length', String(Buffer.byteLength(body)));
  return list;
}

/** Makes dates as RFC 9110, section 5.6.7, has them, one for all answers of a second. */
export function createHttpDate(): (nowMs: number) => string {
  let madeSecond = 0;
  let made = '';
  return (nowMs) => {
    const second = Math.floor(nowMs / 1000);
    if (second !== madeSecond) made = new Date(nowMs).toUTCString();
    madeSecond = second;
    return made;
  };
}
