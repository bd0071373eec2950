import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, ErrorReply } from '@redis/client';
import type { Emit } from '../telemetry/events.ts';

/** No query waits longer for Redis than this. */
const commandTimeoutMs = 50;
/** How long Redis is left alone after it failed or was too slow. */
const restMs = 1000;
/** How often at most a refusal is told of. */
const refusalMs = 60_000;
const longestReconnectMs = 1000;
/** A connection on which nothing was heard for so long, pings included, is dead. */
const silenceMs = 5000;
const pingIntervalMs = 2000;

export type RedisClient = ReturnType<typeof connectTo>;

export type Redis = {
  /**
   * What the command gives, or undefined where Redis is down, resting, too slow or refuses it. Never rejects.
   * `insist` does not let it rest.
   */
  run: <Reply>(
    command: (client: RedisClient) => Promise<Reply>,
    insist?: 'insist',
  ) => Promise<Reply | undefined>;
  /** What the script gives; rejects where `run` gives undefined. */
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
  /** Called when messages are heard again after some may have been missed. */
  onListening: () => void;
  /** Called when commands work again. */
  onUp: () => void;
};

type RedisSettings = { url: string; emit: Emit; now: () => number };

/** A connection to Redis that may be down, slow or restarting at any time without harm to whoever uses it. */
export function createRedis(settings: RedisSettings): Redis {
  const client = connectTo(settings.url);
  const listener = client.duplicate();
  let subscription: Subscription | undefined;
  const health = createHealth({ ...settings, onUp: () => subscription?.onUp() });
  client.on('ready', () => health.change('up'));
  client.on('error', (error: Error) => health.change('down', error.message));
  listener.on('ready', () => subscription?.onListening());
  // The client's own connection tells of the same trouble.
  listener.on('error', () => {});

  async function run<Reply>(command: (client: RedisClient) => Promise<Reply>, insist?: 'insist') {
    if (!client.isReady || (health.isResting() && !insist)) return undefined;
    try {
      const reply = await withinTime(command(client));
      health.change('up');
      return reply;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof ErrorReply) health.tellOfRefusal(reason);
      else health.change('down', reason);
      return undefined;
    }
  }

  async function evaluate(script: string, options: ScriptOptions): Promise<unknown> {
    const reply = await run((connected) => connected.eval(script, options));
    if (reply === undefined) throw new Error('Redis is not to be asked now.');
    return reply;
  }

  let watching: NodeJS.Timeout | undefined;
  function start(): void {
    // Where nobody asks for anything, nothing else would show that it is back.
    const look = () => health.isDown() && run((connected) => connected.ping());
    watching = setInterval(look, pingIntervalMs).unref();
    // Both keep trying by themselves; what goes wrong is told by their error events.
    client.connect().catch(() => {});
    if (subscription !== undefined) void listen(listener, subscription, health.tellOfRefusal);
  }

  function stop(): void {
    clearInterval(watching);
    client.destroy();
    if (subscription !== undefined) listener.destroy();
  }
  const subscribe = (wanted: Subscription) => {
    subscription = wanted;
  };
  return { run, eval: evaluate, subscribe, start, stop };
}

async function listen(
  listener: RedisClient,
  { channel, onMessage, onListening }: Subscription,
  onRefusal: (reason: string) => void,
): Promise<void> {
  await listener.connect().catch(() => {});
  while (listener.isOpen) {
    try {
      await listener.subscribe(channel, onMessage);
      return onListening();
    } catch (error) {
      onRefusal(error instanceof Error ? error.message : String(error));
      await sleep(restMs, undefined, { ref: false });
    }
  }
}

/** Knows whether Redis is there, tells of each change once, and lets it rest after a failure. */
function createHealth({ emit, now, onUp }: Omit<RedisSettings, 'url'> & { onUp: () => void }) {
  // Unknown at first, so that a Redis that never comes up is told of as well.
  let state: 'up' | 'down' | undefined;
  let restUntilMs = 0;
  let toldOfRefusalAtMs = Number.NEGATIVE_INFINITY;

  function change(next: 'up' | 'down', reason?: string): void {
    restUntilMs = next === 'up' ? 0 : now() + restMs;
    if (next === state) return;
    state = next;
    emit({ type: 'redisChanged', state, reason });
    if (next === 'up') onUp();
  }

  /** Redis is there, but refuses, for instance to write on a replica or without memory. */
  function tellOfRefusal(reason: string): void {
    if (now() - toldOfRefusalAtMs < refusalMs) return;
    toldOfRefusalAtMs = now();
    emit({ type: 'redisRefused', reason });
  }
  return { change, tellOfRefusal, isDown: () => state === 'down', isResting: () => now() < restUntilMs };
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
