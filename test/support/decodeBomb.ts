import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createDeflate, createGzip, deflateSync, gzipSync } from 'node:zlib';
import { readBody } from '../../src/http/body.ts';

// Prints by how much the peak of the resident memory, in bytes, grew while a body in the given coding was decoded.

const maxBytes = 262_144;
const [, , coding = 'gzip'] = process.argv;

async function statusOf(bytes: Buffer): Promise<number> {
  const request = Object.assign(Readable.from([bytes]), {
    headers: { 'content-type': 'application/json', 'content-encoding': coding },
    rawHeaders: [],
  });
  try {
    await readBody(request as Readable as IncomingMessage, maxBytes);
    return 200;
  } catch (error) {
    return error instanceof Error && 'status' in error ? Number(error.status) : 500;
  }
}

// Made in pieces, so that the peak before the measurement stays low.
const piece = Buffer.alloc(1_048_576);
const pieces = Readable.from(Array.from({ length: 200 }, () => piece));
const bomb = await buffer(pieces.pipe(coding === 'gzip' ? createGzip() : createDeflate()));
await statusOf(coding === 'gzip' ? gzipSync('{}') : deflateSync('{}'));
const before = process.resourceUsage().maxRSS;
const status = await statusOf(bomb);
const grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
process.stdout.write(JSON.stringify({ sentBytes: bomb.length, status, grownBytes }));
