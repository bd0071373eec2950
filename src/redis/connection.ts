import { setTimeout as sleep } from 'node:timers/promises';
import type * as RedisLibrary from '@redis/client';
import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';

/** No query waits longer for Redis than this. */
const commandTimeoutMs = 50;
/** No commands are sent for this time after a failure or timeout. */
const pauseMs = 1000;
/** Refused commands are reported at most once in this time. */
const refusalIntervalMs = 60_000;
const maxReconnectMs = 1000;
/** A connection that receives nothing for this time, pings included, is dead. */
const silenceMs = 5000;
const pingIntervalMs = 2000;

type Library = Pick<typeof RedisLibrary, 'createClient' | 'ErrorReply'>;

export type RedisClient = ReturnType<typeof createClient>;

export type Redis = {
  /**
   * The reply, or undefined if Redis is down, paused, too slow or refuses the command. Never rejects.
   * `insist` sends the command during a pause, too.
   */
  run: <Reply>(
    command: (client: RedisClient) => Promise<Reply>,
    insist?: 'insist',
  ) => Promise<Reply | undefined>;
  /** The reply of the script; rejects if `run` resolves to undefined. */
  eval: (script: string, options: ScriptOptions) => Promise<unknown>;
  /** To be called before `start`. */
  subscribe: (subscription: Subscription) => void;
  start: () => void;
  stop: () => void;
};

type ScriptOptions = { keys: string[]; arguments: string[] };

type Subscription = {
  channel: string;
  onMessage: (message: string) => void;
  /** Called when messages are received again after some may have been missed. */
  onListening: () => void;
  /** Called when commands work again. */
  onUp: () => void;
};

type RedisSettings = { url: string; emit: Emit; monotonic: () => number };

type LoadSettings = { config: Config; emit: Emit; monotonic: () => number };

/** Imports the client only if it is configured: it takes a fifth of the start and 30 MiB (measured). */
export async function loadRedis({ config, emit, monotonic }: LoadSettings): Promise<Redis | undefined> {
  if (config.REDIS_URL === undefined) return undefined;
  return createRedis(await import('@redis/client'), { url: config.REDIS_URL, emit, monotonic });
}

/** A connection to a Redis that may be down, slow or restarting at any time without harm to its callers. */
function createRedis(library: Library, settings: RedisSettings): Redis {
  const client = createClient(library, settings.url);
  const subscriber = client.duplicate();
  let subscription: Subscription | undefined;
  const health = createHealth({ ...settings, onUp: () => subscription?.onUp() });
  client.on('ready', () => health.change('up'));
  client.on('error', (error: Error) => health.change('down', error.message));
  subscriber.on('ready', () => subscription?.onListening());
  // The other connection reports the same failure.
  subscriber.on('error', () => {});

  async function run<Reply>(command: (client: RedisClient) => Promise<Reply>, insist?: 'insist') {
    if (!client.isReady || (health.isPaused() && !insist)) return undefined;
    try {
      const reply = await withTimeout(command(client));
      health.change('up');
      return reply;
    } catch (error) {
      if (error instanceof library.ErrorReply) health.reportRefusal(error.message);
      else health.change('down', toReason(error));
      return undefined;
    }
  }

  async function evaluate(script: string, options: ScriptOptions): Promise<unknown> {
    const reply = await run((connected) => connected.eval(script, options));
    if (reply === undefined) throw new Error('Redis is unavailable.');
    return reply;
  }

  let checking: NodeJS.Timeout | undefined;
  function start(): void {
    // Without any queries, nothing else would show that Redis is back.
    const check = () => health.isDown() && run((connected) => connected.ping());
    checking = setInterval(check, pingIntervalMs).unref();
    // Both clients keep reconnecting by themselves; their error events report failures.
    client.connect().catch(() => {});
    if (subscription !== undefined) void listen(subscriber, subscription, health.reportRefusal);
  }

  function stop(): void {
    clearInterval(checking);
    client.destroy();
    if (subscription !== undefined) subscriber.destroy();
  }
  const subscribe = (wanted: Subscription) => {
    subscription = wanted;
  };
  return { run, eval: evaluate, subscribe, start, stop };
}

async function listen(
  subscriber: RedisClient,
  { channel, onMessage, onListening }: Subscription,
  reportRefusal: (reason: string) => void,
): Promise<void> {
  await subscriber.connect().catch(() => {});
  while (subscriber.isOpen) {
    try {
      await subscriber.subscribe(channel, onMessage);
      return onListening();
    } catch (error) {
      reportRefusal(toReason(error));
      await sleep(pauseMs, undefined, { ref: false });
    }
  }
}

/** Knows whether Redis works, emits each change once, and pauses commands after a failure. */
function createHealth({ emit, monotonic, onUp }: Omit<RedisSettings, 'url'> & { onUp: () => void }) {
  // Undefined at first, so that a Redis that never comes up is reported, too.
  let state: 'up' | 'down' | undefined;
  let pausedUntilMs = 0;
  let refusalReportedAtMs = Number.NEGATIVE_INFINITY;

  function change(next: 'up' | 'down', reason?: string): void {
    pausedUntilMs = next === 'up' ? 0 : monotonic() + pauseMs;
    if (next === state) return;
    state = next;
    emit({ type: 'redisChanged', state, reason });
    if (next === 'up') onUp();
  }

  /** Redis works, but refuses a command, for instance to write on a replica or without memory. */
  function reportRefusal(reason: string): void {
    if (monotonic() - refusalReportedAtMs < refusalIntervalMs) return;
    refusalReportedAtMs = monotonic();
    emit({ type: 'redisRefused', reason });
  }
  return {
    change,
    reportRefusal,
    isDown: () => state === 'down',
    isPaused: () => monotonic() < pausedUntilMs,
  };
}

function createClient(library: Library, url: string) {
  return library.createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: pingIntervalMs,
    socket: {
      connectTimeout: silenceMs,
      socketTimeout: silenceMs,
      reconnectStrategy: (retries) => Math.min(maxReconnectMs, 50 * 2 ** retries),
    },
  });
}

function withTimeout<Reply>(reply: Promise<Reply>): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const expire = () => reject(new Error(`Redis gave no answer within ${commandTimeoutMs} ms`));
  // After a busy moment of this process, the reply may be received but unread: so read first.
  const timer = setTimeout(() => setImmediate(expire), commandTimeoutMs);
  reply.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
