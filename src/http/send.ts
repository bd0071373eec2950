import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
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

/** Plain ASCII need not be looked through for what is none. */
function toEncoding(body: string | Buffer): 'latin1' | 'utf8' {
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
