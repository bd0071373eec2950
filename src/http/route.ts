import type { IncomingMessage } from 'node:http';

/** What came with a request, beside the request itself. */
export type Exchange = {
  requestId: string;
  /** The URL's query with its question mark, or empty. */
  search: string;
  /** Makes a signal that is aborted when the client has gone before its answer was written. */
  createSignal: () => AbortSignal;
};

/** What was posted, as latin1, in which bytes become a text one to one; and the CRC-32 of them. */
export type Posted = { text: string; crc: number };

/** What an answer follows from, beside what was posted. */
export type Asked = Pick<IncomingMessage, 'method' | 'headers' | 'socket'>;

export type HttpAnswer = {
  status: number;
  headers: Iterable<[string, string]>;
  body: string | Buffer;
};

/** Answers one path. */
export type Route = {
  methods: readonly string[];
  /** What an answer of 401 says in `www-authenticate`. */
  challenge?: string;
  /** Throws an `HttpError` to refuse. */
  answer: (request: IncomingMessage, exchange: Exchange) => Promise<HttpAnswer> | HttpAnswer;
};

export type Routes = ReadonlyMap<string, Route>;
