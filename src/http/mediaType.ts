import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';
import type { MediaType } from '../errors.ts';

/** Of `Accept` headers; a client sends the same one each time. */
const maxKnown = 100;
const maxKnownLength = 500;

const json: MediaType = 'application/json';
/** In the order of preference if the client has none: `application/json` for clients that accept everything. */
const offered: readonly MediaType[] = [json, 'application/graphql-response+json'];

/** The media type of a response, by the `Accept` header of its request; undefined if the client accepts none. */
export type Negotiate = (accept: string | undefined) => MediaType | undefined;

/** Negotiates by quality (RFC 9110, section 12.5.1). */
export function createNegotiate(): Negotiate {
  const known = new LRUCache<string, MediaType>({ max: maxKnown });
  return (accept = '*/*') => {
    const chosen = known.get(accept);
    if (chosen !== undefined) return chosen;
    const mediaType = choose(accept);
    if (mediaType !== undefined && accept.length <= maxKnownLength) known.set(accept, mediaType);
    return mediaType;
  };
}

/** Whether the client prefers a page to GraphQL, as browsers do that open a URL. */
export function prefersPage(accept = ''): boolean {
  const [preferred] = new Negotiator({ headers: { accept } }).mediaTypes([...offered, 'text/html']);
  return preferred === 'text/html';
}

function choose(accept: string): MediaType | undefined {
  // An empty header counts as absent.
  if (accept.trim() === '') return json;
  const types = offered.map((mediaType) => `${mediaType}; charset=utf-8`);
  const [chosen] = new Negotiator({ headers: { accept } }).mediaTypes(types);
  return offered[types.indexOf(chosen ?? '')];
}
