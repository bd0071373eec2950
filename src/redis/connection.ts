import { setTimeout as sleep } from 'node:timers/promises';
import {
  createClusterClient,
  createServerClient,
  type Library,
  type RedisClient,
  type RedisMode,
} from './clients.ts';
import type { Health } from './health.ts';

const retrySubscribeMs = 500;
const maxReopenMs = 1000;

type ConnectionSettings = {
  urls: readonly string[];
  health: Health;
  subscribe: (client: RedisClient) => Promise<void>;
  onReady: () => void;
  onInterrupted: () => void;
};

export type Connection = {
  open: () => void;
  /** Takes another client instead of this one, which resolves host names again. */
  replace: (old: RedisClient, reason?: string) => void;
  close: () => void;
  /** Undefined while there is no connection. */
  current: () => RedisClient | undefined;
};

/** One client at a time, which reconnects by itself, and is replaced if it cannot, or if its server is the wrong one. */
export function createConnection(
  library: Library,
  { urls, health, subscribe, ...events }: ConnectionSettings,
): Connection {
  let mode: RedisMode = urls.length > 1 ? 'cluster' : 'server';
  let client: RedisClient | undefined;
  let isClosed = false;
  /** Replacements since Redis was last up. */
  let failures = 0;

  function open(): void {
    const create = mode === 'cluster' ? createClusterClient : createServerClient;
    const opened = create(library, urls, { ...events, onError });
    client = opened;
    opened.connect().then(
      (found) => {
        if (found === mode) void listen(opened);
        else {
          mode = found;
          replace(opened);
        }
      },
      (error: Error) => replace(opened, error.message),
    );
  }

  const onError = (error: Error) => health.recordFailure(error.message);

  function replace(old: RedisClient, reason?: string): void {
    if (client !== old) return;
    client = undefined;
    old.close();
    failures = health.isDown() ? failures + 1 : 0;
    if (reason !== undefined) health.recordFailure(reason);
    setTimeout(() => isClosed || open(), Math.min(maxReopenMs, 50 * 2 ** failures)).unref();
  }

  async function listen(opened: RedisClient): Promise<void> {
    while (client === opened) {
      try {
        return await subscribe(opened);
      } catch (error) {
        if (error instanceof library.ErrorReply) health.recordRefusal('SUBSCRIBE', error.message);
        await sleep(retrySubscribeMs, undefined, { ref: false });
      }
    }
  }

  function close(): void {
    isClosed = true;
    client?.close();
    client = undefined;
  }
  return { open, replace, close, current: () => (client?.isReady() ? client : undefined) };
}
