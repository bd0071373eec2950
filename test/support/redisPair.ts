import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { findFreePort } from './freePort.ts';
import { createHaproxy } from './haproxy.ts';
import { createRedisServer, type RedisServer } from './redisServer.ts';

/** Two servers at one address, of which one is the primary: as a name or a proxy that follows it. */
export type RedisPair = {
  url: string;
  primary: () => RedisServer;
  replica: () => RedisServer;
  start: () => Promise<void>;
  /** Makes the replica the primary. New connections reach it; established ones stay where they are. */
  promote: () => Promise<void>;
  /** Makes the other server its replica, as a controller does when that is back. */
  demote: () => Promise<void>;
  remove: () => Promise<void>;
};

export function createRedisPair(): RedisPair {
  const args = ['--repl-diskless-sync-delay', '0'];
  const servers = [createRedisServer({ args }), createRedisServer({ args })] as const;
  const haproxy = createHaproxy();
  let primary: 0 | 1 = 0;
  const other = () => servers[primary === 0 ? 1 : 0];

  async function demote(): Promise<void> {
    await other().command('REPLICAOF', '127.0.0.1', `${servers[primary].port()}`);
    while (!`${await other().command('INFO', 'replication')}`.includes('master_link_status:up'))
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  const pair: RedisPair = {
    url: '',
    primary: () => servers[primary],
    replica: other,
    async start() {
      for (const { start } of servers) await start();
      await demote();
      const port = await findFreePort();
      const ports = servers.map((server) => server.port());
      haproxy.start(toConfiguration({ port, ports, socket: haproxy.socket() }));
      pair.url = `redis://127.0.0.1:${port}`;
      while (!(await isListening(haproxy.socket())));
    },
    async promote() {
      primary = primary === 0 ? 1 : 0;
      await servers[primary].command('REPLICAOF', 'NO', 'ONE');
      await send(haproxy.socket(), `set server redis/server${primary} state ready`);
      await send(haproxy.socket(), `set server redis/server${1 - primary} state maint`);
    },
    demote,
    async remove() {
      await haproxy.remove();
      for (const { remove } of servers) await remove();
    },
  };
  return pair;
}

function toConfiguration({ port, ports, socket }: { port: number; ports: number[]; socket: string }): string {
  return `
global
  stats socket ${socket} level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
frontend all
  bind 127.0.0.1:${port}
  default_backend redis
backend redis
  server server0 127.0.0.1:${ports[0]}
  server server1 127.0.0.1:${ports[1]} disabled
`;
}

/** Sends one command to HAProxy's runtime API. */
async function send(socket: string, command: string): Promise<string> {
  const connection = connect(socket);
  connection.write(`${command}\n`);
  return text(connection);
}

async function isListening(socket: string): Promise<boolean> {
  return send(socket, 'show info').then(
    () => true,
    () => false,
  );
}
