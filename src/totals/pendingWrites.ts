import { deleteOldest } from './purges.ts';

const maxPending = 10_000;
/** Written at once. A larger number could take longer than the timeout of a command. */
const chunkSize = 100;

/** Writes that Redis has not taken yet, each under the name of what it concerns. The oldest are dropped beyond 10,000. */
export type PendingWrites<Item> = {
  /** Leaves the write to the next `retry`. */
  add: (name: string, item: Item) => void;
  /** Writes now; false if it failed and remains pending. */
  write: (name: string, item: Item) => Promise<boolean>;
  has: (name: string) => boolean;
  /** Writes all, until one fails. */
  retry: () => Promise<void>;
};

type PendingWritesSettings<Item> = {
  /** Resolves to whether the item was written. Does not reject. */
  write: (item: Item) => Promise<boolean>;
  onCount?: (pending: number) => void;
  /** There were too many, so the oldest is not written. */
  onDrop: () => void;
};

export function createPendingWrites<Item>({
  write: writeItem,
  onCount,
  onDrop,
}: PendingWritesSettings<Item>): PendingWrites<Item> {
  type Pending = { item: Item };
  const all = new Map<string, Pending>();
  let retrying: Promise<void> | undefined;

  function add(name: string, item: Item): Pending {
    const pending = { item };
    // The latest is the last, so that the oldest is the first.
    all.delete(name);
    all.set(name, pending);
    if (all.size > maxPending) {
      deleteOldest(all);
      onDrop();
    }
    onCount?.(all.size);
    return pending;
  }

  async function attempt(name: string, pending: Pending): Promise<boolean> {
    const isWritten = await writeItem(pending.item);
    // Another write of this name may have been added meanwhile.
    if (all.get(name) !== pending) return isWritten;
    all.delete(name);
    // The next round begins with others, in case this one never succeeds.
    if (!isWritten) all.set(name, pending);
    onCount?.(all.size);
    return isWritten;
  }

  async function retryAll(): Promise<void> {
    const items = [...all];
    for (let n = 0; n < items.length; n += chunkSize) {
      const chunk = items.slice(n, n + chunkSize);
      const written = await Promise.all(chunk.map(([name, pending]) => attempt(name, pending)));
      if (written.includes(false)) return;
    }
  }

  function retry(): Promise<void> {
    retrying ??= retryAll().finally(() => {
      retrying = undefined;
    });
    return retrying;
  }
  return {
    add: (name, item) => void add(name, item),
    write: (name, item) => attempt(name, add(name, item)),
    has: (name) => all.has(name),
    retry,
  };
}
