/**
 * Tells whether a question is among so many that were asked last. What is kept of a question is kept only then: to keep
 * ever new ones costs more than any of them would save. They are told apart by a hash: a false yes does no harm.
 */
export function createAskedBefore(remembered: number): (hash: number) => boolean {
  const hashes = new Set<number>();
  return (hash) => {
    const isKnown = hashes.delete(hash);
    hashes.add(hash);
    const [oldest] = hashes.size > remembered ? hashes : [];
    if (oldest !== undefined) hashes.delete(oldest);
    return isKnown;
  };
}
