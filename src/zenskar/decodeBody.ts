import { gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { maxBodyBytes } from './request.ts';

type DecodedBody =
  | { kind: 'text'; text: string }
  | { kind: 'tooLarge' }
  | { kind: 'invalid'; problem: string };

/** Decodes a body that is compressed although the call asked for `identity`, within the limit of bodies. Drops a byte order mark. */
export function decodeBody(bytes: Buffer, coding = 'identity'): DecodedBody {
  const decompress = toDecompress(coding.trim().toLowerCase(), bytes);
  if (decompress === undefined)
    return {
      kind: 'invalid',
      problem: `the body has the content-encoding ${JSON.stringify(coding.slice(0, 40))}`,
    };
  try {
    // A sync call: 64 KiB take less than the switch to another thread and back.
    const decoded = bytes.length === 0 ? bytes : decompress(bytes, { maxOutputLength: maxBodyBytes });
    return { kind: 'text', text: new TextDecoder().decode(decoded) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return { kind: 'tooLarge' };
    return { kind: 'invalid', problem: 'the body is not in its content-encoding' };
  }
}

type Decompress = (bytes: Buffer, limit: { maxOutputLength: number }) => Uint8Array;

/** Undefined for other codings, and for lists of them. */
function toDecompress(coding: string, bytes: Buffer): Decompress | undefined {
  switch (coding) {
    case '':
    case 'identity':
      return (body) => body;
    case 'gzip':
    case 'x-gzip':
      return gunzipSync;
    case 'deflate':
      // Some servers send DEFLATE without the wrapper of zlib, which begins with these four bits (RFC 1950).
      return ((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync : inflateRawSync;
    default:
      return undefined;
  }
}
