import { createRedisServer, type RedisServer, type TestRedis } from './redisServer.ts';

const slotCount = 16_384;
/** A node that does not answer for this time counts as failed. */
const nodeTimeoutMs = 1000;

export type RedisCluster = TestRedis & {
  nodes: readonly RedisServer[];
  start: () => Promise<void>;
  /** Moves a slot with its keys from one node to another while both serve it. */
  migrate: (slot: number, nodes: { from: RedisServer; to: RedisServer }) => Promise<void>;
  remove: () => Promise<void>;
};

type ClusterOptions = { args?: readonly string[]; replicas?: 0 | 1; tls?: boolean };

/** Three primaries on loopback that share all slots, with a replica for each if wanted. */
export function createRedisCluster({
  args = [],
  replicas = 0,
  tls = false,
}: ClusterOptions = {}): RedisCluster {
  const clusterArgs = ['--cluster-enabled', 'yes', '--cluster-node-timeout', `${nodeTimeoutMs}`];
  const timing = ['--repl-diskless-sync-delay', '0', '--cluster-replica-validity-factor', '0'];
  const nodes = Array.from({ length: 3 + 3 * replicas }, () =>
    createRedisServer({ args: [...clusterArgs, ...timing, ...args], tls }),
  );
  const primaries = nodes.slice(0, 3);
  const cluster: RedisCluster = {
    url: '',
    nodes,
    async start() {
      await Promise.all(nodes.map(({ start }) => start()));
      await form(nodes);
      cluster.url = primaries.map(({ url }) => url).join(',');
    },
    keys: async (pattern) => (await Promise.all(primaries.map(({ keys }) => keys(pattern)))).flat(),
    sendToAll: (...words) => Promise.all(nodes.map(({ command }) => command(...words))),
    async send(key, ...command) {
      const slot = Number(await primaries[0]?.command('CLUSTER', 'KEYSLOT', key));
      return ownerOf(slot, primaries).command(...command);
    },
    migrate,
    remove: async () => void (await Promise.all(nodes.map(({ remove }) => remove()))),
  };
  return cluster;
}

/** The primary that has a slot after the cluster was formed. */
export function ownerOf(slot: number, primaries: readonly RedisServer[]): RedisServer {
  const owner = primaries[Math.floor((slot * 3) / slotCount)];
  if (owner === undefined) throw new Error(`There is no slot ${slot}.`);
  return owner;
}

async function form(nodes: readonly RedisServer[]): Promise<void> {
  const primaries = nodes.slice(0, 3);
  const starts = [0, 1, 2, 3].map((n) => Math.ceil((n * slotCount) / 3));
  for (const [n, { command }] of primaries.entries())
    await command('CLUSTER', 'ADDSLOTSRANGE', `${starts[n]}`, `${(starts[n + 1] ?? 0) - 1}`);
  for (const { command } of nodes)
    for (const other of nodes) await command('CLUSTER', 'MEET', '127.0.0.1', `${other.port()}`);
  await untilEach(
    nodes,
    async ({ command }) =>
      /cluster_known_nodes:(\d+)/.exec(`${await command('CLUSTER', 'INFO')}`)?.[1] === `${nodes.length}`,
  );
  for (const [n, { command }] of nodes.slice(3).entries())
    await command('CLUSTER', 'REPLICATE', `${await primaries[n]?.command('CLUSTER', 'MYID')}`);
  await untilEach(nodes, async ({ command }) =>
    `${await command('CLUSTER', 'INFO')}`.includes('cluster_state:ok'),
  );
  await untilEach(nodes.slice(3), async ({ command }) =>
    `${await command('INFO', 'replication')}`.includes('master_link_status:up'),
  );
}

async function untilEach(
  nodes: readonly RedisServer[],
  condition: (node: RedisServer) => Promise<boolean>,
): Promise<void> {
  for (const node of nodes)
    while (!(await condition(node))) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function migrate(slot: number, { from, to }: { from: RedisServer; to: RedisServer }): Promise<void> {
  const fromId = `${await from.command('CLUSTER', 'MYID')}`;
  const toId = `${await to.command('CLUSTER', 'MYID')}`;
  await to.command('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId);
  await from.command('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId);
  for (;;) {
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '10')) as string[];
    if (keys.length === 0) break;
    await from.command('MIGRATE', '127.0.0.1', `${to.port()}`, '', '0', '1000', 'KEYS', ...keys);
  }
  for (const { command } of [to, from]) await command('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId);
}
