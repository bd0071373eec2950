import { createHash, timingSafeEqual } from 'node:crypto';

/** Lower or upper case, with dashes, optionally in braces. */
const uuidPattern = /^\{?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\}?$/i;

/** The parsed text, or undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The id in canonical form (lower case, dashed, without braces), or undefined if it is not a UUID. */
export function toUuid(value: unknown): string | undefined {
  return typeof value === 'string' ? uuidPattern.exec(value)?.[1]?.toLowerCase() : undefined;
}

/** Compares in constant time, so that response times reveal nothing of a secret. Hashing makes the lengths equal. */
export function equalsConstantTime(text: string, secret: string): boolean {
  return timingSafeEqual(toSha256(text), toSha256(secret));
}

function toSha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
