import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { MIMEType } from 'node:util';
import { HttpError } from './errorResponse.ts';

/** Reads the JSON body of a request; throws an `HttpError` when it is not JSON or exceeds `maxBytes`. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  return parseJsonBody(await readBody(request, maxBytes));
}

/** Reads a body whose content type is JSON; throws an `HttpError` for another type, or beyond `maxBytes`. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const {
    'content-type': type = '',
    'content-encoding': encoding,
    'content-length': length,
  } = request.headers;
  if (!isJson(type)) throw new HttpError(415, 'Expected a body of content-type application/json in UTF-8.');
  if (encoding !== undefined) throw new HttpError(415, 'Expected a body without content-encoding.');
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  return readBytes(request, maxBytes);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws an `HttpError` unless the bytes are JSON in UTF-8. ASCII bytes are the same in latin1, which may be decoded already. */
export function parseJsonBody(bytes: Buffer, latin1?: string): unknown {
  try {
    return JSON.parse(latin1 !== undefined && isAscii(bytes) ? latin1 : strictUtf8.decode(bytes));
  } catch {
    throw new HttpError(400, 'The body is not valid JSON in UTF-8.');
  }
}

function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    // The rest is read and dropped, so that the connection can carry the response and the next request.
    else reject(tooLarge(maxBytes));
  });
  request.once('end', () =>
    resolve(chunks[0] !== undefined && chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)),
  );
  request.once('error', reject);
  return promise;
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `The body exceeds ${maxBytes} bytes.`);
}

function isJson(contentType: string): boolean {
  if (contentType === 'application/json') return true;
  try {
    const { essence, params } = new MIMEType(contentType);
    return essence === 'application/json' && /^utf-?8$/i.test(params.get('charset') ?? 'utf-8');
  } catch {
    return false;
  }
}
