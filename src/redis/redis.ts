import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Library, RedisClient, RedisMode } from './clients.ts';
import { type Connection, createConnection } from './connection.ts';
import { createHealth, type Health } from './health.ts';
import { createMessages, type Messages } from './messages.ts';

/** Another version of the gateway may use the same Redis: a change of form gets another number. */
export const prefix = 'zenskar-gateway:2';
/** No query waits longer for Redis than this. */
const commandTimeoutMs = 50;
const noAnswer = `Redis gave no answer within ${commandTimeoutMs} ms`;
/** How often the gateway tries whether Redis takes writes and whether messages arrive. */
const probeIntervalMs = 500;
const probeKey = `${prefix}:probe`;
/** A client whose probes fail this often in a row is replaced: its server may be gone, and its name mean another one. */
const maxFailures = 3;
const heartbeatChannel = `${prefix}:heartbeat`;
/** The first words of errors of a server that is not, or not now, the one to use. Another may be by now. */
const wrongServer = /^(READONLY|MASTERDOWN|NOREPLICAS|LOADING|BUSY|CLUSTERDOWN|UNKILLABLE|MOVED)\b/;
/** A slot is being moved to another node, which takes milliseconds. */
const transient = /^TRYAGAIN\b/;

/** Each resolves to undefined if Redis is down, too slow or refuses the command. None rejects, except `eval`. */
export type RedisCommands = {
  get: (key: string) => Promise<string | null | undefined>;
  /** One round trip; in a cluster one per node. */
  mGet: (keys: string[]) => Promise<readonly (string | null)[] | undefined>;
  /** Milliseconds until each key expires; negative without key or expiry. Sent together with an `mGet` of the same turn. */
  pTtl: (keys: string[]) => Promise<readonly number[] | undefined>;
  set: (key: string, value: string, ttlMs: number) => Promise<unknown>;
  del: (key: string) => Promise<number | undefined>;
  publish: (channel: string, message: string) => Promise<number | undefined>;
  eval: (script: string, options: { keys: string[]; arguments: string[] }) => Promise<unknown>;
};

export type Redis = RedisCommands & {
  /** The same commands, sent also while Redis seems to be down. */
  insist: RedisCommands;
  /** To be called before `start`, as `observe`. */
  subscribe: (channel: string, onMessage: (message: string) => void) => void;
  observe: (observer: RedisObserver) => void;
  /** By the monotonic clock: until then, messages are received. A process that was stopped meanwhile knows at once that it is later. */
  hearsUntilMs: () => number;
  start: () => void;
  stop: () => void;
  /** Undefined while there is no connection. */
  mode: () => RedisMode | undefined;
};

export type RedisObserver = {
  /** False within 2 s after messages are no longer received; true when they are received again, and some may have been missed. */
  onHearing?: (isHearing: boolean) => void;
  /** Called twice a second while Redis takes writes. */
  onWritable?: () => void;
  /** Called for each failure, and for each refusal of a command. The events of health are only changes. */
  onProblem?: (reason: string, command?: string) => void;
};

type RedisSettings = { urls: readonly string[]; emit: Emit; monotonic: () => number };

type LoadSettings = { config: Config; emit: Emit; monotonic: () => number };

/** Imports the client only if it is configured: it takes a fifth of the start and 30 MiB (measured). */
export async function loadRedis({ config, emit, monotonic }: LoadSettings): Promise<Redis | undefined> {
  if (config.REDIS_URL === undefined) return undefined;
  return createRedis(await import('@redis/client'), { urls: config.REDIS_URL, emit, monotonic });
}

/**
 * A Redis that may be down, slow, restarting or failing over at any time without harm to its callers. Several URLs are the seed nodes
 * of a cluster.
 */
export function createRedis(library: Library, { urls, emit, monotonic }: RedisSettings): Redis {
  const observers: RedisObserver[] = [];
  const health = createHealth({
    emit,
    monotonic,
    onProblem(...problem) {
      for (const { onProblem } of observers) onProblem?.(...problem);
    },
  });
  const messages = createMessages(monotonic, (isHearing) => {
    if (isHearing) health.recordSuccess('SUBSCRIBE');
    for (const { onHearing } of observers) onHearing?.(isHearing);
  });
  const connection = createConnection(library, {
    urls,
    health,
    subscribe: (client) => client.subscribe(messages.channels(), messages.receive),
    onReady: () => void probe(),
    onInterrupted: messages.interrupt,
  });
  const run = createRun(library, connection, health);
  const probe = createProbe({ run, connection, health, messages, observers });
  let probing: NodeJS.Timeout | undefined;
  return {
    ...toCommands(async (name, command) => (health.isDown() ? undefined : run(name, command))),
    insist: toCommands(run),
    subscribe: messages.subscribe,
    observe: (observer) => void observers.push(observer),
    hearsUntilMs: messages.hearsUntilMs,
    start() {
      connection.open();
      probing = setInterval(() => void probe(), probeIntervalMs).unref();
    },
    stop() {
      clearInterval(probing);
      connection.close();
    },
    mode: () => connection.current()?.mode,
  };
}

type Parts = {
  run: Run;
  connection: Connection;
  health: Health;
  messages: Messages;
  observers: readonly RedisObserver[];
};

/** Tries whether all servers answer, Redis takes writes and messages arrive. */
function createProbe({ run, connection, health, messages, observers }: Parts): () => Promise<void> {
  const { set, publish } = toCommands(run);
  let failures = 0;
  messages.subscribe(heartbeatChannel, () => {});

  async function sendHeartbeat(): Promise<void> {
    if ((await publish(heartbeatChannel, '')) !== undefined) messages.countHeartbeat();
    if (messages.isUndelivered()) health.recordRefusal('SUBSCRIBE', 'Redis delivers no messages');
  }

  return async () => {
    const client = connection.current();
    const isReachable = (await run('PING', ({ ping }) => ping())) !== undefined;
    const isWritable = isReachable && (await set(probeKey, '', 10 * probeIntervalMs)) !== undefined;
    if (isWritable) health.recordWritable();
    if (isReachable && messages.isQuiet()) await sendHeartbeat();
    messages.check();
    failures = client !== undefined && health.isDown() ? failures + 1 : 0;
    if (client !== undefined && failures >= maxFailures) {
      failures = 0;
      connection.replace(client, noAnswer);
    }
    if (isWritable) for (const { onWritable } of observers) onWritable?.();
  };
}

type Run = <Reply>(
  name: string,
  command: (client: RedisClient) => Promise<Reply>,
) => Promise<Reply | undefined>;

/** Sends commands, and reports to `health` and `connection` how they end. */
function createRun(library: Library, connection: Connection, health: Health): Run {
  return async (name, command) => {
    const client = connection.current();
    if (client === undefined) return undefined;
    try {
      const reply = await withTimeout(command(client));
      health.recordSuccess(name);
      return reply;
    } catch (error) {
      const reason = toReason(error);
      // How commands of a replaced client end says nothing of the present one.
      if (client !== connection.current()) return undefined;
      const cause = client.lastError();
      if (!(error instanceof library.ErrorReply))
        health.recordFailure(cause === undefined ? reason : `${reason}: ${cause.message}`);
      else if (wrongServer.test(reason)) connection.replace(client, reason);
      else if (!transient.test(reason)) health.recordRefusal(name, reason);
      return undefined;
    }
  };
}

function toCommands(run: Run): RedisCommands {
  return {
    get: (key) => run('GET', ({ commands }) => commands.get(key)),
    mGet: (keys) => run('MGET', ({ commands }) => commands.mGet(keys)),
    pTtl: (keys) => run('PTTL', ({ commands }) => Promise.all(keys.map((key) => commands.pTTL(key)))),
    set: (key, value, ttlMs) =>
      run('SET', ({ commands }) => commands.set(key, value, { expiration: { type: 'PX', value: ttlMs } })),
    del: (key) => run('DEL', ({ commands }) => commands.del(key)),
    publish: (channel, message) => run('PUBLISH', ({ commands }) => commands.publish(channel, message)),
    async eval(script, options) {
      const reply = await run('EVAL', ({ commands }) => commands.eval(script, options));
      if (reply === undefined) throw new Error('Redis is unavailable.');
      return reply;
    },
  };
}

function withTimeout<Reply>(reply: Promise<Reply>): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const expire = () => reject(new Error(noAnswer));
  // After a busy moment of this process, the reply may be received but unread: so read first.
  const timer = setTimeout(() => setImmediate(expire), commandTimeoutMs);
  reply.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
