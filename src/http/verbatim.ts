import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { createAskedBefore } from './askedBefore.ts';
import type { Posted } from './route.ts';
import { toEncoding } from './send.ts';

/** A request that came before as the same bytes, and was answered from what was kept. */
type KnownRequest = {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  posted: Posted;
  /** What its answers have to say beside what the route says. */
  ownHeaders: OutgoingHttpHeaders;
};

type Answered = { request: IncomingMessage; response: ServerResponse } & Pick<
  KnownRequest,
  'posted' | 'ownHeaders'
>;

export type Verbatim = {
  /** To be told of each request as it begins. */
  hear: (request: IncomingMessage) => void;
  /** To be told of each answer that was kept, before it is written. */
  learn: (answered: Answered) => void;
};

/** The whole answer as it goes out; undefined where the request has to go the usual way. */
export type Recall = (known: KnownRequest, socket: Socket) => string | undefined;

type Connection = {
  /** Whether what comes is seen here before it is parsed. */
  isWatched: boolean;
  /** How many requests in a row had never come before. */
  inVain: number;
  /** What came last. */
  chunk: string;
  /** The requests that began in it. */
  heard: IncomingMessage[];
  /** Whether the last chunk was one whole request, neither more nor less, and has its answer. */
  isQuiet: boolean;
};

const maxKnown = 1000;
/** After so many that came never before, as where each has an id of its own, a connection is left alone. */
const maxInVain = 8;
/** V8 hashes longer texts by their length alone, so that a caller could make all of its own collide. */
const maxLength = 16_000;
/** Credentials are a part of what is remembered: no longer than this. */
const lifetimeMs = 60_000;

/**
 * Answers requests that come again as the same bytes without parsing them again, which takes Node longer than all the rest of
 * such an answer. Where a chunk begins at the end of a request, has been exactly one request before, and no answer is under way, it
 * is that same request again. All else goes to Node's parser as ever.
 */
export function createVerbatim(recall: Recall): Verbatim {
  // A Map keeps its order: what came to be known first leaves first.
  const known = new Map<string, KnownRequest>();
  const isAskedAgain = createAskedBefore(maxKnown);
  const connections = new WeakMap<Socket, Connection>();

  /** From now on chunks come by here. Node's parser otherwise takes them straight from the system, and is the faster for it. */
  function watch(socket: Socket, connection: Connection): void {
    const [parse, ...others] = socket.listeners('data');
    if (parse === undefined || others.length > 0) return;
    connection.isWatched = true;
    socket.removeListener('data', parse as (chunk: Buffer) => void);
    socket.on('data', (chunk) => {
      const text = connection.inVain < maxInVain ? chunk.toString('latin1') : '';
      if (connection.isQuiet && answer(socket, known.get(text), recall)) return;
      Object.assign(connection, { chunk: text.length > maxLength ? '' : text, heard: [], isQuiet: false });
      parse.call(socket, chunk);
    });
  }

  function hear(request: IncomingMessage): void {
    const connection = connections.get(request.socket);
    if (connection?.isWatched) connection.heard.push(request);
  }

  function learn(answered: Answered): void {
    const { request, posted } = answered;
    const { socket } = request;
    const connection = connections.get(socket) ?? createConnection();
    connections.set(socket, connection);
    if (connection.inVain === maxInVain) return;
    const bytes = write(request, posted.text);
    const isAgain = bytes.length <= maxLength && isPlain(request) && isAskedAgain(crc32(bytes));
    connection.inVain = isAgain ? 0 : connection.inVain + 1;
    if (!isAgain) return;
    if (!connection.isWatched) watch(socket, connection);
    else if (connection.heard[0] === request && connection.chunk === bytes) know(answered, connection);
  }

  /** The request is the whole of the last chunk. */
  function know({ request, response, posted, ownHeaders }: Answered, connection: Connection): void {
    const { method = '', url = '', headers } = request;
    const { chunk, heard } = connection;
    response.once('finish', () => {
      // Nothing came since.
      connection.isQuiet = connection.heard === heard;
      if (connection.isQuiet) Object.assign(connection, { chunk: '', heard: [] });
    });
    if (known.size === 0) setTimeout(() => known.clear(), lifetimeMs).unref();
    known.set(chunk, { method, url, headers, posted, ownHeaders });
    const [oldest] = known.size > maxKnown ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
  }
  return { hear, learn };
}

/** Whether there was an answer at once. Whoever does not read its answers is dealt with by Node. */
function answer(socket: Socket, request: KnownRequest | undefined, recall: Recall): boolean {
  if (request === undefined || socket.writableLength > 0) return false;
  try {
    const text = recall(request, socket);
    if (text !== undefined) socket.write(text, toEncoding(text));
    return text !== undefined;
  } catch {
    socket.destroy();
    return true;
  }
}

/** The bytes that say what the parser heard, and nothing besides. */
function write({ method, url, httpVersion, rawHeaders }: IncomingMessage, body: string): string {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let n = 0; n < rawHeaders.length; n += 2) head += `${rawHeaders[n]}: ${rawHeaders[n + 1]}\r\n`;
  return `${head}\r\n${body}`;
}

/** Whether there is nothing about the connection that Node would have to see to. */
function isPlain({ httpVersion, headers }: IncomingMessage): boolean {
  const { connection = 'keep-alive', expect, upgrade } = headers;
  const staysOpen = httpVersion === '1.1' && connection.toLowerCase() === 'keep-alive';
  return staysOpen && expect === undefined && upgrade === undefined;
}

function createConnection(): Connection {
  return { isWatched: false, inVain: 0, chunk: '', heard: [], isQuiet: false };
}
