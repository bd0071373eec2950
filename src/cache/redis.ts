import { createClient } from '@redis/client';
import type { Emit } from '../telemetry/events.ts';

/** No query waits longer for Redis than this. */
const commandTimeoutMs = 50;
/** How long Redis is left alone after it failed or was too slow. */
const restMs = 1000;
const longestReconnectMs = 1000;
/** A connection on which nothing was heard for so long, pings included, is dead. */
const silenceMs = 5000;
const pingIntervalMs = 2000;

type RedisClient = ReturnType<typeof connectTo>;

export type Redis = {
  /** What the command gives, or undefined where Redis is down or too slow. Never rejects. */
  run: <Reply>(command: (client: RedisClient) => Promise<Reply>) => Promise<Reply | undefined>;
  start: () => void;
  stop: () => void;
};

type RedisSettings = {
  url: string;
  /** Messages on this channel are handed to `onMessage`. */
  channel: string;
  onMessage: (message: string) => void;
  /** Called when messages are heard again after some may have been missed. */
  onListening: () => void;
  emit: Emit;
  now: () => number;
};

/** A connection to Redis that may be down, slow or restarting at any time without harm to whoever uses it. */
export function createRedis({ url, channel, onMessage, onListening, emit, now }: RedisSettings): Redis {
  const client = connectTo(url);
  const listener = client.duplicate();
  let isUp = false;
  let restUntilMs = 0;

  function change(up: boolean, reason?: string): void {
    if (!up) restUntilMs = now() + restMs;
    if (up !== isUp) emit({ type: 'redisChanged', state: up ? 'up' : 'down', reason });
    isUp = up;
  }
  client.on('ready', () => {
    restUntilMs = 0;
    change(true);
  });
  client.on('error', (error: Error) => change(false, error.message));
  listener.on('ready', onListening);
  // The client's own connection tells of the same trouble.
  listener.on('error', () => {});

  async function run<Reply>(command: (client: RedisClient) => Promise<Reply>): Promise<Reply | undefined> {
    if (!client.isReady || now() < restUntilMs) return undefined;
    try {
      const reply = await withinTime(command(client));
      change(true);
      return reply;
    } catch (error) {
      change(false, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  function start(): void {
    // Both keep trying by themselves; what goes wrong is told by their error events.
    client.connect().catch(() => {});
    listener
      .connect()
      .then(() => listener.subscribe(channel, onMessage))
      .catch(() => {});
  }

  function stop(): void {
    client.destroy();
    listener.destroy();
  }
  return { run, start, stop };
}

function connectTo(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: pingIntervalMs,
    socket: {
      connectTimeout: silenceMs,
      socketTimeout: silenceMs,
      reconnectStrategy: (retries) => Math.min(longestReconnectMs, 50 * 2 ** retries),
    },
  });
}

function withinTime<Reply>(reply: Promise<Reply>): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const giveUp = () => reject(new Error(`Redis gave no answer within ${commandTimeoutMs} ms`));
  // After a busy moment of this process, the reply may be there but unread: read first, then judge.
  const timer = setTimeout(() => setImmediate(giveUp), commandTimeoutMs);
  reply.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
