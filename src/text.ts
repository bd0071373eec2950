import { createHash, timingSafeEqual } from 'node:crypto';

/** Lower or upper case, with or without dashes, optionally in braces or as a URN (RFC 9562, section 4). */
const uuidPattern =
  /^(?:urn:uuid:)?\{?([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})\}?$/i;

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
  const parts = typeof value === 'string' ? uuidPattern.exec(value)?.slice(1) : undefined;
  return parts?.join('-').toLowerCase();
}

/** Compares in constant time, so that response times reveal nothing of a secret. Hashing makes the lengths equal. */
export function equalsConstantTime(text: string, secret: string): boolean {
  return timingSafeEqual(toSha256(text), toSha256(secret));
}

function toSha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
