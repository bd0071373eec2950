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
  /** Commands can be sent again. */
  onReady: () => void;
  onInterrupted: () => void;
};

export type Connection = {
  open: () => void;
  /** Takes another client instead of this one, which resolves host names again. */
  replace: (old: RedisClient, reason: string) => void;
  close: () => void;
  /** Undefined while there is no connection. */
  current: () => RedisClient | undefined;
};

/** One client at a time, which reconnects by itself, and is replaced if it cannot, or if its server is the wrong one. */
export function createConnection(library: Library, settings: ConnectionSettings): Connection {
  const { urls, health, onReady } = settings;
  const listen = createListen(library, health);
  let client: RedisClient | undefined;
  let isClosed = false;
  /** Replacements since Redis was last up. */
  let replacements = 0;

  /** One URL may be of a server or of a cluster, and at another time of the other. */
  function open(mode: RedisMode = urls.length > 1 ? 'cluster' : 'server'): void {
    if (isClosed) return;
    const create = mode === 'cluster' ? createClusterClient : createServerClient;
    const opened = create(library, urls, {
      onReady: () => client === opened && onReady(),
      onError: (error) => client === opened && health.recordFailure(error.message),
      onInterrupted: () => client === opened && settings.onInterrupted(),
    });
    client = opened;
    opened.connect().then(
      (found) => onConnected(opened, { mode, found }),
      (error: Error) => replace(opened, error.message),
    );
  }

  function onConnected(opened: RedisClient, { mode, found }: Record<'mode' | 'found', RedisMode>): void {
    if (client !== opened) return;
    if (found === mode) {
      onReady();
      void listen(() => (client === opened ? settings.subscribe(opened) : undefined));
    } else {
      opened.close();
      open(found);
    }
  }

  function replace(old: RedisClient, reason: string): void {
    if (client !== old) return;
    client = undefined;
    old.close();
    replacements = health.isDown() ? replacements + 1 : 0;
    health.recordFailure(reason);
    setTimeout(open, Math.min(maxReopenMs, 50 * 2 ** replacements)).unref();
  }

  function close(): void {
    isClosed = true;
    client?.close();
    client = undefined;
  }
  return { open: () => open(), replace, close, current: () => (client?.isReady() ? client : undefined) };
}

/** Subscribes until that succeeds, or until `subscribe` returns undefined, because the client is no longer in use. */
function createListen({ ErrorReply }: Library, health: Health) {
  return async (subscribe: () => Promise<void> | undefined): Promise<void> => {
    for (let reply = subscribe(); reply !== undefined; reply = subscribe()) {
      try {
        return await reply;
      } catch (error) {
        if (error instanceof ErrorReply) health.recordRefusal('SUBSCRIBE', error.message);
        await sleep(retrySubscribeMs, undefined, { ref: false });
      }
    }
  };
}
