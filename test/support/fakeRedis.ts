import { createMessages } from '../../src/redis/messages.ts';
import { prefix, type Redis, type RedisCommands, type RedisObserver } from '../../src/redis/redis.ts';

/**
 * How a replica reaches Redis. `refusing`: Redis takes no writes, but messages. `replyLost`: commands are executed, and their replies are
 * lost. `deaf`: no messages are received. `flaky`: one command in two fails in one of these ways.
 */
export type LinkState = 'up' | 'down' | 'refusing' | 'replyLost' | 'deaf' | 'flaky';

type Link = Redis & {
  setState: (state: LinkState) => void;
  /** Since when it is up, by the clock. */
  upSinceMs: () => number;
  /** Whether it has always been up. */
  isUnbroken: () => boolean;
  /** To be called twice a second of the clock. */
  probe: () => Promise<void>;
  deliver: (channel: string, message: string) => void;
};

const heartbeatChannel = `${prefix}:heartbeat`;
const ways: readonly LinkState[] = ['down', 'refusing', 'replyLost'];

/** A Redis in this process on a clock of its own. It comes and goes for each replica as the test says. */
export function createFakeRedis(monotonic: () => number) {
  let store = new Map<string, { value: string; expiresAtMs: number }>();
  let replica = new Map(store);
  const links: Link[] = [];

  const read = (key: string) => {
    const stored = store.get(key);
    return stored !== undefined && monotonic() < stored.expiresAtMs ? stored.value : null;
  };

  function connect(): Link {
    let state: LinkState = 'up';
    let upSinceMs = monotonic();
    let isUnbroken = true;
    const observers: RedisObserver[] = [];
    const messages = createMessages(monotonic, (isHearing) => {
      for (const { onHearing } of observers) onHearing?.(isHearing);
    });
    messages.subscribe(heartbeatChannel, () => {});

    /** Depends on the command and the time alone, so that the commands of one tenant do not change those of another. */
    function stateFor(name: string, key: string): LinkState {
      if (state !== 'flaky') return state;
      const hash = [...`${name}${key}${monotonic()}`].reduce(
        (sum, char) => (sum * 31 + char.charCodeAt(0)) % 997,
        7,
      );
      return hash % 2 === 0 ? 'up' : (ways[hash % ways.length] as LinkState);
    }

    async function run<Reply>(name: string, key: string, execute: () => Reply): Promise<Reply | undefined> {
      await undefined;
      const way = stateFor(name, key);
      if (way === 'down' || (way === 'refusing' && (name === 'SET' || name === 'DEL'))) return undefined;
      const reply = execute();
      return way === 'replyLost' ? undefined : reply;
    }

    const commands: RedisCommands = {
      get: (key) => run('GET', key, () => read(key)),
      mGet: (keys) => run('MGET', keys[0] ?? '', () => keys.map(read)),
      pTtl: (keys) =>
        run('PTTL', keys[0] ?? '', () =>
          keys.map((key) => (read(key) === null ? -2 : (store.get(key)?.expiresAtMs ?? 0) - monotonic())),
        ),
      set: (key, value, ttlMs) =>
        run('SET', key, () => {
          store.set(key, { value, expiresAtMs: monotonic() + ttlMs });
          return 'OK';
        }),
      del: (key) => run('DEL', key, () => Number(store.delete(key))),
      publish: (channel, message) =>
        run('PUBLISH', channel, () => {
          for (const other of links) other.deliver(channel, message);
          return links.length;
        }),
      eval: () => Promise.reject(new Error('not supported')),
    };
    const link: Link = {
      ...commands,
      insist: commands,
      subscribe: messages.subscribe,
      observe: (observer) => void observers.push(observer),
      hearsUntilMs: messages.hearsUntilMs,
      mode: () => 'server',
      start: () => {},
      stop: () => {},
      setState(next) {
        if (next === state) return;
        isUnbroken = false;
        // A connection loses messages only if it ends, and then there is another one.
        if (state === 'down' || state === 'deaf') messages.interrupt();
        if (next === 'up') upSinceMs = monotonic();
        state = next;
      },
      upSinceMs: () => (state === 'up' ? upSinceMs : Number.POSITIVE_INFINITY),
      isUnbroken: () => isUnbroken,
      async probe() {
        const isWritable = (await commands.set(`${prefix}:probe`, '', 5000)) !== undefined;
        if (messages.isQuiet()) await commands.publish(heartbeatChannel, '');
        messages.check();
        if (isWritable) for (const { onWritable } of observers) onWritable?.();
      },
      deliver(channel, message) {
        if (state !== 'down' && state !== 'deaf') messages.receive(message, channel);
      },
    };
    links.push(link);
    return link;
  }
  return {
    connect,
    links,
    /** Copies the data to a replica. */
    replicate() {
      replica = new Map(store);
    },
    /** The replica takes over. */
    loseLatest() {
      store = new Map(replica);
    },
    loseAll: () => store.clear(),
  };
}
