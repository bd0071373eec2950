import type * as RedisLibrary from '@redis/client';

/** A connection that receives nothing for this time is dead. The gateway sends and receives something twice a second. */
const silenceMs = 1500;
const maxReconnectMs = 1000;

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
  commands: Commands;
  /** Once connected, it reconnects and subscribes again by itself. Resolves to what the server says it is. */
  connect: () => Promise<RedisMode>;
  subscribe: (channels: string[], listener: Listener) => Promise<void>;
  isReady: () => boolean;
  /** Rejects unless all servers answer. */
  ping: () => Promise<unknown>;
  close: () => void;
};

type Events = {
  onReady: () => void;
  onError: (error: Error) => void;
  /** Messages may have been missed. */
  onInterrupted: () => void;
};

const socket = {
  connectTimeout: silenceMs,
  socketTimeout: silenceMs,
  reconnectStrategy: (retries: number) => Math.min(maxReconnectMs, 50 * 2 ** retries),
};

/** A client of one server, with a second connection for messages. */
export function createServerClient(
  { createClient }: Library,
  [url]: readonly string[],
  events: Events,
): RedisClient {
  const client = createClient({ ...(url && { url }), disableOfflineQueue: true, socket });
  const subscriber = client.duplicate();
  client.on('ready', events.onReady).on('error', events.onError);
  // The other connection reports the same failure.
  subscriber.on('ready', events.onInterrupted).on('error', () => {});
  return {
    commands: client,
    async connect() {
      await client.connect();
      return isClusterNode(await client.sendCommand(['HELLO']).catch(() => {})) ? 'cluster' : 'server';
    },
    async subscribe(channels, listener) {
      if (!subscriber.isOpen) await subscriber.connect();
      await subscriber.subscribe(channels, listener);
    },
    isReady: () => client.isReady,
    ping: () => client.ping(),
    close() {
      client.destroy();
      subscriber.destroy();
    },
  };
}

/** HELLO needs no permission. Its reply is a map or a list, depending on the protocol. */
function isClusterNode(reply: unknown): boolean {
  return String(JSON.stringify(reply)).includes('"cluster"');
}

/** A client of a Redis Cluster whose seed nodes have these URLs. Credentials and TLS are those of the first one. */
export function createClusterClient(
  { createCluster }: Library,
  urls: readonly string[],
  events: Events,
): RedisClient {
  const { protocol, username, password } = new URL(urls[0] ?? '');
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    // Connecting to all nodes at once would wait for a dead one for ever.
    minimizeConnections: true,
    topologyRefreshOnReconnectionAttemptStrategy: maxReconnectMs,
    defaults: {
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      disableOfflineQueue: true,
      socket: { ...socket, ...(protocol === 'rediss:' ? { tls: true } : {}) },
    },
  });
  cluster.on('error', events.onError).on('node-error', events.onError).on('node-ready', events.onInterrupted);
  return {
    commands: cluster,
    async connect() {
      await cluster.connect();
      events.onReady();
      return 'cluster';
    },
    subscribe: (channels, listener) => cluster.subscribe(channels, listener),
    isReady: () => cluster.isReady,
    ping: () => Promise.all(cluster.masters.map(async (node) => (await cluster.nodeClient(node)).ping())),
    close: () => cluster.destroy(),
  };
}
