import { crc32 } from 'node:zlib';

/**
 * Tells whether a question is among so many that were asked last. What is kept of a question is kept only then: to keep
 * ever new ones costs more than any of them would save. A false yes does no harm, so a weak hash will do.
 */
export function createAskedBefore(remembered: number): (question: Buffer | string) => boolean {
  const hashes = new Set<number>();
  return (question) => {
    const hash = crc32(question);
    const isKnown = hashes.delete(hash);
    hashes.add(hash);
    const [oldest] = hashes.size > remembered ? hashes : [];
    if (oldest !== undefined) hashes.delete(oldest);
    return isKnown;
  };
}
