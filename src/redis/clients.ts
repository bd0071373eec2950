import type * as RedisLibrary from '@redis/client';

/** A connection attempt, or a connection without traffic, ends after this time. The gateway causes some twice a second. */
const silenceMs = 1500;
const maxReconnectMs = 1000;
/** Begins like the error of a server that knows this. */
const missingSlots = 'CLUSTERDOWN Some hash slots have no server';

export type Library = Pick<typeof RedisLibrary, 'createClient' | 'createCluster' | 'ErrorReply'>;

type ScriptOptions = { keys: string[]; arguments: string[] };
type Expiration = { expiration: { type: 'PX'; value: number } };

/** What the gateway uses of a server or a cluster. */
type Commands = {
  get: (key: string) => Promise<string | null>;
  mGet: (keys: string[]) => Promise<(string | null)[]>;
  pTTL: (key: string) => Promise<number>;
  set: (key: string, value: string, options: Expiration) => Promise<unknown>;
  del: (key: string) => Promise<number>;
  eval: (script: string, options: ScriptOptions) => Promise<unknown>;
  publish: (channel: string, message: string) => Promise<number>;
};

type Listener = (message: string, channel: string) => void;

export type RedisMode = 'server' | 'cluster';

export type RedisClient = {
  mode: RedisMode;
  commands: Commands;
  /** Once connected, it reconnects and subscribes again by itself. Resolves to what the server says it is. */
  connect: () => Promise<RedisMode>;
  subscribe: (channels: string[], listener: Listener) => Promise<void>;
  isReady: () => boolean;
  /** Rejects unless all servers answer. */
  ping: () => Promise<unknown>;
  /** Why a server has no connection, if one has none. */
  lastError: () => Error | undefined;
  close: () => void;
};

export type ClientEvents = {
  /** Connected again. */
  onReady: () => void;
  /** The connection is lost, or cannot be established. */
  onError: (error: Error) => void;
  /** Messages may have been missed. */
  onInterrupted: () => void;
};

/** As old a protocol and as few commands as possible, so that old servers, proxies and restricted users are enough. */
const options = {
  RESP: 2,
  maintNotifications: 'disabled',
  disableClientInfo: true,
  disableOfflineQueue: true,
  // The gateway has a timeout of its own.
  commandOptions: { timeout: 0 },
} as const;

/** The library adds the server's address to it, so each client needs its own. */
function toSocketOptions() {
  const reconnectStrategy = (retries: number) => Math.min(maxReconnectMs, 50 * 2 ** retries);
  return { connectTimeout: silenceMs, socketTimeout: silenceMs, reconnectStrategy };
}

/** A client of one server, with a second connection for messages. */
export function createServerClient(
  { createClient }: Library,
  [url]: readonly string[],
  { onReady, onError, onInterrupted }: ClientEvents,
): RedisClient {
  const client = createClient({ ...(url && { url }), ...options, socket: toSocketOptions() });
  const subscriber = client.duplicate();
  client.on('error', onError);
  // The other connection reports the same failure.
  subscriber.on('ready', onInterrupted).on('error', () => {});
  return {
    mode: 'server',
    commands: client,
    async connect() {
      await client.connect();
      client.on('ready', onReady);
      return toMode(await client.sendCommand(['HELLO']).catch(() => {}));
    },
    async subscribe(channels, listener) {
      if (!subscriber.isOpen) await subscriber.connect();
      await subscriber.subscribe(channels, listener);
    },
    isReady: () => client.isReady,
    ping: () => client.ping(),
    lastError: () => undefined,
    close() {
      client.destroy();
      subscriber.destroy();
    },
  };
}

/** HELLO needs no permission. Its reply is a list of names, each followed by its value; servers before 6.0 do not know it. */
function toMode(reply: unknown): RedisMode {
  return Array.isArray(reply) && reply[reply.indexOf('mode') + 1] === 'cluster' ? 'cluster' : 'server';
}

/** A client of a Redis Cluster whose seed nodes have these URLs. Credentials and TLS are those of the first one. */
export function createClusterClient(
  { createCluster }: Library,
  urls: readonly string[],
  { onInterrupted }: ClientEvents,
): RedisClient {
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    // Connecting to all nodes at once would wait for a dead one for ever.
    minimizeConnections: true,
    topologyRefreshOnReconnectionAttemptStrategy: maxReconnectMs,
    RESP: options.RESP,
    commandOptions: options.commandOptions,
    defaults: toNodeOptions(new URL(urls[0] ?? '')),
  });
  const seedErrors = new Set<string>();
  let lastError: Error | undefined;
  // An error need not concern the nodes in use. Commands show whether those work.
  cluster.on('error', (error: Error) => seedErrors.add(error.message));
  cluster.on('node-error', (error: Error) => {
    lastError = error;
  });
  cluster.on('node-ready', () => {
    lastError = undefined;
    onInterrupted();
  });
  return {
    mode: 'cluster',
    commands: cluster,
    async connect() {
      await cluster.connect().catch(() => Promise.reject(new Error([...seedErrors].join('; '))));
      seedErrors.clear();
      // The library knows no node to send their commands to, and does not look for one later.
      if ([...cluster.slots].some((shard) => shard === undefined)) throw new Error(missingSlots);
      return 'cluster';
    },
    subscribe: (channels, listener) => cluster.subscribe(channels, listener),
    isReady: () => cluster.isReady,
    ping: () => Promise.all(cluster.masters.map(async (node) => (await cluster.nodeClient(node)).ping())),
    lastError: () => lastError,
    close: () => cluster.destroy(),
  };
}

function toNodeOptions({ protocol, username, password }: URL) {
  return {
    ...options,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    socket: { ...toSocketOptions(), ...(protocol === 'rediss:' ? { tls: true as const } : {}) },
  };
}
