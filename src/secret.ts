import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares in constant time, so that nobody can feel the way to a secret; hashing makes the lengths equal. */
export function equalsConstantTime(given: string, secret: string): boolean {
  return timingSafeEqual(toHash(given), toHash(secret));
}

function toHash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
