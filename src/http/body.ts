import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { MIMEType, promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { HttpError } from './errorResponse.ts';

/** Reads the JSON body of a request; throws an `HttpError` when it is not JSON or exceeds `maxBytes`. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  return parseJsonBody(await readBody(request, maxBytes));
}

/**
 * Reads and decodes a body whose content type is JSON. `maxBytes` bounds the body as sent and as decoded. Throws an `HttpError` for
 * another type or coding, beyond `maxBytes`, and if decoding fails.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { 'content-encoding': coding, 'content-length': length } = request.headers;
  requireJson(request);
  const decode = coding === undefined ? undefined : toDecoder(coding);
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  const read = readBytes(request, maxBytes);
  return decode === undefined ? read : read.then((bytes) => decode(bytes, maxBytes));
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Throws an `HttpError` unless the bytes are JSON in UTF-8, with or without a byte order mark. ASCII bytes are the same in latin1,
 * which may be decoded already.
 */
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

type Decode = (bytes: Buffer, maxBytes: number) => Promise<Buffer>;

const decodeGzip = toDecode(promisify(gunzip));
// Brotli and zstd are left out: gzip suffices for bodies of this size, and each decoder has its own faults (CVE-2026-111497).
const decoders = new Map<string, Decode | undefined>([
  ['', undefined],
  ['identity', undefined],
  ['gzip', decodeGzip],
  ['x-gzip', decodeGzip],
  ['deflate', toDecode(promisify(inflate))],
]);

/** Undefined for a body that is not encoded. A list of codings is not accepted. */
function toDecoder(coding: string): Decode | undefined {
  const name = coding.toLowerCase();
  if (decoders.has(name)) return decoders.get(name);
  throw new HttpError(415, 'Expected content-encoding gzip, deflate or identity.', {
    'accept-encoding': 'gzip, deflate',
  });
}

function toDecode(decompress: typeof gunzip.__promisify__): Decode {
  return async (bytes, maxBytes) => {
    try {
      // Stops as soon as the output exceeds its limit, at most 16 KiB later.
      return await decompress(bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
      throw new HttpError(400, 'The body is incomplete or not in its content-encoding.');
    }
  };
}

/** Beyond it, a charset is cut in the message. */
const maxCharsetLength = 40;

function requireJson({ headers, rawHeaders }: IncomingMessage): void {
  // Node drops all but the first, but a proxy in front may have read another one.
  if (hasSeveralTypes(rawHeaders)) throw new HttpError(415, 'Expected one content-type header.');
  const { 'content-type': type = '' } = headers;
  if (type === 'application/json') return;
  const { essence, params } = parseType(type) ?? {};
  if (essence !== 'application/json') {
    throw new HttpError(415, 'Expected a body of content-type application/json in UTF-8.');
  }
  const charset = params?.get('charset') ?? 'utf-8';
  if (/^utf-?8$/i.test(charset)) return;
  throw new HttpError(415, `Expected a body in UTF-8, not in ${charset.slice(0, maxCharsetLength)}.`);
}

/** `rawHeaders` has names and values in turn. */
function hasSeveralTypes(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n];
    // The length first: the name of each header of each request passes here.
    if (name?.length === 'content-type'.length && name.toLowerCase() === 'content-type') count += 1;
  }
  return count > 1;
}

function parseType(type: string): MIMEType | undefined {
  try {
    return new MIMEType(type);
  } catch {
    return undefined;
  }
}
