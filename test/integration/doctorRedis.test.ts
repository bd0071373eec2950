import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createClient } from '@redis/client';
import type { Finding } from '../../src/cli/doctorAdvice.ts';
import { runChecks } from '../../src/cli/doctorChecks.ts';
import { systemClock } from '../../src/clock.ts';
import { createCertificate } from '../support/certificate.ts';
import { useDoctorServers } from '../support/doctorServers.ts';
import { findFreePort } from '../support/freePort.ts';
import { apiKey, organisation } from '../support/ids.ts';
import { describeIfInstalled, useServers } from '../support/redis.ts';
import { createRedisServer, type RedisServer } from '../support/redisServer.ts';

const servers = useDoctorServers();

const password = 'redis-password-0123456789';
const otherPassword = 'other-password-0123456789';
const alone = 'Until then each replica has its own cache.';

/** What the doctor finds out about the Redis at these URLs. The report never contains a password. */
async function check(REDIS_URL: string, environment: Readonly<Record<string, string>> = {}) {
  const report = await runChecks({
    environment: {
      ZENSKAR_URL: servers.simulated,
      ZENSKAR_API_KEY: apiKey,
      ZENSKAR_ORGANISATION: organisation,
      REDIS_URL,
      ...environment,
    },
    readFile: () => {
      throw new Error('There are no files.');
    },
    clock: systemClock,
  });
  const text = JSON.stringify(report);
  for (const secret of [password, otherPassword]) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/\{\w+\}/);
  return report.findings.find((finding) => finding.check === 'redis');
}

function problem(reason: unknown, next: string): Finding {
  return { check: 'redis', status: 'problem', reason, next: `${next} ${alone}` } as Finding;
}

/** Starts a TCP server; resolves to its port. */
async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => onSocket(socket.on('error', () => {})));
  return servers.listen(server);
}

describe('doctor, check of a Redis that cannot be reached', () => {
  it('reports a refused connection', async () => {
    const port = await findFreePort();
    expect(await check(`redis://:${password}@127.0.0.1:${port}`)).toEqual(
      problem(
        `Connection refused: no service listens at 127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port}).`,
        'Correct host and port in REDIS_URL. If they are correct, start the service there.',
      ),
    );
  });

  it('reports a host name that cannot be resolved', async () => {
    expect(await check('redis://redis.invalid')).toEqual(
      problem(
        expect.stringMatching(
          /^DNS failure: the host of redis\.invalid:6379 cannot be resolved \(getaddrinfo (ENOTFOUND|EAI_AGAIN) redis\.invalid\)\.$/,
        ),
        'Correct the host in REDIS_URL. If it is correct, check the name servers of this machine.',
      ),
    );
  });

  it('reports a Redis that is too slow for the gateway', async () => {
    const port = await serve((socket) =>
      socket.on('data', (commands) => {
        if (String(commands).includes('HELLO')) socket.write('+OK\r\n');
      }),
    );
    expect(await check(`redis://127.0.0.1:${port}`)).toEqual(
      problem(
        'Redis is too slow, so the gateway works without it (Redis gave no answer within 50 ms).',
        'Move Redis nearer, or find out what keeps it busy (SLOWLOG GET).',
      ),
    );
  });

  it('reports a server that closes the connection', async () => {
    const port = await serve((socket) => socket.end());
    expect(await check(`redis://127.0.0.1:${port}`)).toEqual(
      problem(
        `Connection lost: 127.0.0.1:${port} closed it before the response was complete (Socket closed unexpectedly).`,
        'Check scheme and port in REDIS_URL: the server may expect another protocol.',
      ),
    );
  });

  it('reports a Redis in protected mode', async () => {
    const port = await serve((socket) =>
      socket.end(
        '-DENIED Redis is running in protected mode because protected mode is enabled. 1) Disable it.\r\n',
      ),
    );
    expect(await check(`redis://127.0.0.1:${port}`)).toEqual(
      problem(
        'Redis is in protected mode and accepts connections from its own machine only (DENIED).',
        'Set a password in Redis and add it to REDIS_URL, or set protected-mode to no.',
      ),
    );
  });

  it('reports a server without TLS that is no Redis behind a rediss URL', async () => {
    const { port } = new URL(servers.simulated);
    expect(await check(`rediss://127.0.0.1:${port}`)).toEqual(
      problem(
        expect.stringMatching(
          /^TLS failure: no TLS connection to 127\.0\.0\.1:\d+ \(.*wrong version number.*\)\.$/i,
        ),
        'Check scheme and port in REDIS_URL: the server may expect another protocol.',
      ),
    );
  });

  it('prints none of the passwords of several URLs that a server repeats', async () => {
    const port = await serve((socket) =>
      socket.on('data', () => socket.write(`-ERR I know ${password} and ${otherPassword}\r\n`)),
    );
    const urls = [password, otherPassword].map((secret) => `redis://:${secret}@127.0.0.1:${port}`);
    expect(await check(urls.join(', '))).toEqual(
      problem(
        'Redis refuses commands (ERR I know (secret) and (secret)).',
        'Compare the set-up of Redis with docs/redis.md.',
      ),
    );
  });
});

/** Starts servers, and removes them after the tests of this block. */
function useStart() {
  const started: RedisServer[] = [];
  afterAll(async () => {
    for (const { remove } of started) await remove();
  });
  return async (args: readonly string[] = [], tls = false): Promise<RedisServer> => {
    const server = createRedisServer({ args, tls });
    started.push(server);
    await server.start();
    return server;
  };
}

/** Sends a command in one line. */
function run({ command }: RedisServer, line: string): Promise<unknown> {
  return command(...line.split(' '));
}

/** Repeats a command until its reply, or its error, contains this text. */
async function runUntil(server: RedisServer, line: string, text: string): Promise<void> {
  let reply = '';
  for (let n = 0; n < 1000 && !reply.includes(text); n += 1) {
    reply = String(await run(server, line).catch(String));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(reply).toContain(text);
}

function urlOf({ port }: RedisServer, user = ''): string {
  return `redis://${user}127.0.0.1:${port()}`;
}

const commands = '+ping +get +mget +pttl +set +del +publish +subscribe +eval';
const ofPauses = '+time +zadd +zscore +zrange +zremrangebyscore +zremrangebyrank +pexpire';
const rights = `${commands} ${ofPauses}`;
const ownNames = '~zenskar-gateway:* &zenskar-gateway:*';

/** Creates a user with these rights; returns the URL for it. */
async function createUser(server: RedisServer, rules: string): Promise<string> {
  await run(server, `ACL SETUSER gateway on >${password} ${rules}`);
  return urlOf(server, `gateway:${password}@`);
}

describeIfInstalled('doctor, check of Redis', () => {
  const redis = createRedisServer();
  useServers(redis);
  const start = useStart();
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('does what the gateway does, with no more rights than the gateway needs, and leaves no key behind', async () => {
    const server = await start();
    const url = await createUser(server, `${ownNames} ${rights}`);
    expect(await check(url)).toMatchObject({ status: 'ok' });
    await createUser(server, '+incrby');
    expect(await check(url, { RATE_LIMIT_PER_MINUTE: '10' })).toEqual({
      check: 'redis',
      status: 'ok',
      reason: expect.stringMatching(/^Redis answers in \d+\.\d ms and takes all commands of the gateway\.$/),
    });
    const keys = await server.keys('*');
    // That of the gateway's own probe expires within seconds.
    expect(keys.filter((key) => key !== 'zenskar-gateway:2:probe')).toEqual([]);
  });

  it('sends no message that gateways on the same Redis would take for one of theirs', async () => {
    const server = await start();
    const subscriber = await createClient({ url: server.url }).connect();
    const channels = new Set<string>();
    await subscriber.pSubscribe('*', (_, channel) =>
      channels.add(channel.replace(/:doctor-[\w-]+$/, ':doctor')),
    );
    expect(await check(server.url)).toMatchObject({ status: 'ok' });
    subscriber.destroy();
    channels.delete('zenskar-gateway:2:heartbeat');
    expect(channels.size).toBeGreaterThan(1);
    expect([...channels].filter((channel) => !channel.endsWith(':doctor'))).toEqual([]);
  });

  it('names each command that the user may not use, and the ACL rules that allow them', async () => {
    const server = await start();
    const url = await createUser(server, `${ownNames} ${rights} -set -publish -mget`);
    expect(await check(url)).toEqual(
      problem(
        "The user of REDIS_URL has no right to MGET, PUBLISH, and SET (NOPERM this user has no permissions to run the 'mget' command).",
        'Give the user of REDIS_URL these rights with ACL SETUSER: +mget +publish +set. docs/redis.md lists all that the gateway needs.',
      ),
    );
    await createUser(server, 'resetkeys resetchannels +set +publish +mget');
    expect(await check(url)).toEqual(
      problem(
        expect.stringMatching(
          /^The user of REDIS_URL has no right to DEL, EVAL, GET, MGET, PTTL, PUBLISH, SET, and SUBSCRIBE \(NOPERM this user has no permissions to access one of the keys used as arguments\)\.$/,
        ),
        'Give the user of REDIS_URL these rights with ACL SETUSER: ~zenskar-gateway:* &zenskar-gateway:*. docs/redis.md lists all that the gateway needs.',
      ),
    );
  });

  it('names the rights that scripts need', async () => {
    const server = await start();
    const reason = expect.stringMatching(
      /^The user of REDIS_URL has no right to EVAL \(ERR The user executing the script can't run this command or subcommand\)\.$/,
    );
    const others = 'docs/redis.md lists all that the gateway needs.';
    const limited = { RATE_LIMIT_PER_MINUTE: '10' };
    const url = await createUser(server, `${ownNames} ${rights}`);
    expect(await check(url, limited)).toEqual(
      problem(
        reason,
        `Give the user of REDIS_URL these rights with ACL SETUSER: ${ofPauses} +incrby +pttl. ${others}`,
      ),
    );
    await createUser(server, '-zadd');
    expect(await check(url)).toEqual(
      problem(reason, `Give the user of REDIS_URL these rights with ACL SETUSER: ${ofPauses}. ${others}`),
    );
  });

  it('reports a missing password, a wrong one and an unknown user', async () => {
    const server = await start();
    await run(server, 'CONFIG SET requirepass another-password');
    expect(await check(urlOf(server))).toEqual(
      problem(
        'Redis requires a password (NOAUTH Authentication required).',
        'Add user and password to REDIS_URL, such as redis://USER:PASSWORD@HOST:6379.',
      ),
    );
    for (const user of ['', 'gateway'])
      expect(await check(urlOf(server, `${user}:${password}@`))).toEqual(
        problem(
          'Redis does not know the user, or the password is wrong (WRONGPASS invalid username-password pair or user is disabled).',
          'Correct user and password in REDIS_URL. Without a user it is that of the user default. Special characters are encoded, such as %40 for @.',
        ),
      );
  });

  it('reports a password that Redis does not have', async () => {
    const { host } = new URL(redis.url);
    expect(await check(`redis://:${password}@${host}`)).toEqual(
      problem(
        'REDIS_URL has a password, but Redis has none (ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?).',
        'Remove user and password from REDIS_URL, or set a password in Redis.',
      ),
    );
  });

  it('reports a Redis without PUBLISH, and one that takes no further connections', async () => {
    const renamed = await start(['--rename-command', 'PUBLISH', '']);
    expect(await check(urlOf(renamed))).toEqual(
      problem(
        `The server at 127.0.0.1:${renamed.port()} does not know PUBLISH (ERR unknown command 'PUBLISH').`,
        'Let REDIS_URL name Redis itself, with all commands under their own names, and no Sentinel.',
      ),
    );
    const small = await start(['--maxclients', '1']);
    const only = connect(small.port(), '127.0.0.1').on('error', () => {});
    only.write('PING\r\n');
    await once(only, 'data');
    expect(await check(urlOf(small))).toEqual(
      problem(
        'Redis takes no further connections (ERR max number of clients reached).',
        'Raise maxclients: each process of the gateway needs two connections.',
      ),
    );
    only.destroy();
  });

  it('reports a replica, and a replica without its primary', async () => {
    const replica = await start(['--replicaof', `127.0.0.1 ${redis.port()}`]);
    await runUntil(replica, 'INFO replication', 'master_link_status:up');
    expect(await check(urlOf(replica))).toEqual(
      problem(
        "Redis is a replica and takes no writes (READONLY You can't write against a read only replica).",
        'Let REDIS_URL name the primary, or a host name that follows it after a failover.',
      ),
    );
    const orphan = await start([
      ...['--replicaof', `127.0.0.1 ${await findFreePort()}`],
      ...['--replica-serve-stale-data', 'no'],
    ]);
    expect(await check(urlOf(orphan))).toEqual(
      problem(
        "Redis is a replica that has lost its primary (MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no').",
        'Let REDIS_URL name the primary, or a host name that follows it after a failover. INFO replication names the primary of the replica.',
      ),
    );
  });

  it('reports a Redis without memory, and one with too few replicas', async () => {
    const full = await start(['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
    expect(await check(urlOf(full))).toEqual(
      problem(
        "The memory of Redis is full, so it takes no writes (OOM command not allowed when used memory > 'maxmemory').",
        'Raise maxmemory, and set maxmemory-policy to volatile-ttl: then Redis evicts old entries instead.',
      ),
    );
    const lonely = await start(['--min-replicas-to-write', '1']);
    expect(await check(urlOf(lonely))).toEqual(
      problem(
        'Redis takes no writes, because it has too few replicas (NOREPLICAS Not enough good replicas to write).',
        'Start its replicas again, or lower min-replicas-to-write.',
      ),
    );
  });

  it('reports a Redis that cannot save its data', async () => {
    const server = await start(['--dir', folder, '--dbfilename', 'directory.rdb']);
    mkdirSync(join(folder, 'directory.rdb'));
    await server.command('CONFIG', 'SET', 'save', '3600 1');
    await run(server, 'BGSAVE');
    await runUntil(server, 'INFO persistence', 'rdb_last_bgsave_status:err');
    expect(await check(urlOf(server))).toEqual(
      problem(
        expect.stringMatching(
          /^Redis takes no writes, because it cannot save its data \(MISCONF Redis is configured to save RDB snapshots, .+\)\.$/,
        ),
        'Make room on its disk, or turn persistence off (CONFIG SET save ""): the gateway needs none.',
      ),
    );
  });

  it('warns of a policy that may evict a purge before the totals that it forgets', async () => {
    const server = await start(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
    expect(await check(urlOf(server))).toEqual({
      check: 'redis',
      status: 'warning',
      reason: expect.stringMatching(
        /^Redis answers in \d+\.\d ms and takes all commands of the gateway, but its maxmemory-policy allkeys-lru may evict a purge before the totals that it forgets\.$/,
      ),
      next: 'Set maxmemory-policy to volatile-ttl.',
    });
    for (const policy of ['volatile-ttl', 'noeviction']) {
      const safe = await start(['--maxmemory', '100mb', '--maxmemory-policy', policy]);
      expect(await check(urlOf(safe))).toMatchObject({ status: 'ok' });
    }
  });

  it('reports a Redis that is still loading its data', async () => {
    const slowly = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024'];
    const server = await start(slowly);
    await run(server, 'DEBUG POPULATE 4000 key 1024');
    await run(server, 'SAVE');
    await server.kill();
    const loaded = server.start();
    await runUntil(server, 'GET key', 'LOADING');
    expect(await check(urlOf(server))).toEqual(
      problem(
        'Redis has not loaded its data yet (LOADING Redis is loading the dataset in memory).',
        'Wait: INFO persistence shows how long it takes. The gateway then uses Redis by itself.',
      ),
    );
    await run(server, 'CONFIG SET key-load-delay 0');
    await loaded;
  });

  it('reports a Redis that accepts connections but does not answer', async () => {
    const server = await start();
    server.freeze();
    expect(await check(urlOf(server))).toEqual(
      problem(
        'Redis is too slow, so the gateway works without it (Redis gave no answer within 50 ms).',
        'Move Redis nearer, or find out what keeps it busy (SLOWLOG GET).',
      ),
    );
    expect(await check(urlOf(server, `:${password}@`))).toEqual(
      problem(
        expect.stringMatching(
          /^Timeout: the server at 127\.0\.0\.1:\d+ accepts connections but does not answer \(Socket timeout .+\)\.$/,
        ),
        'Correct host and port in REDIS_URL. If they are correct, find out what keeps Redis busy, or restart it.',
      ),
    );
  });

  it('reports a wrong number of a database', async () => {
    expect(await check(`${redis.url}/99`)).toEqual(
      problem(
        'Redis has no database with the number in REDIS_URL (ERR DB index is out of range).',
        'Correct the number at the end of REDIS_URL, or raise `databases` in Redis.',
      ),
    );
  });

  it('reports several URLs of a Redis that is no cluster', async () => {
    const place = new URL(redis.url).host;
    const dead = await findFreePort();
    expect(await check(`redis://127.0.0.1:${dead},${redis.url}`)).toEqual(
      problem(
        `REDIS_URL has several URLs, but a server at 127.0.0.1:${dead} or ${place} is no node of a cluster (ERR This instance has cluster support disabled).`,
        'Let REDIS_URL name one server: the primary. Several URLs are nodes of one Redis Cluster.',
      ),
    );
  });

  it('reports rediss URLs of a Redis without TLS', async () => {
    const { host } = new URL(redis.url);
    expect(await check(`rediss://${host}`)).toEqual(
      problem(
        expect.stringMatching(
          new RegExp(
            `^Wrong TLS: REDIS_URL has the scheme rediss, but the Redis at ${host} speaks no TLS \\(.+\\)\\.$`,
          ),
        ),
        'Write redis:// instead of rediss:// in REDIS_URL, or let Redis listen with TLS (tls-port).',
      ),
    );
  });

  it('reports redis URLs of a Redis with TLS, and a certificate of an unknown authority', async () => {
    const { cert, key } = createCertificate();
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key);
    const files = ['--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')];
    const server = await start([...files, '--tls-auth-clients', 'no'], true);
    expect(await check(urlOf(server))).toEqual(
      problem(
        expect.stringMatching(
          /^Wrong TLS: REDIS_URL has the scheme redis, but the server at 127\.0\.0\.1:\d+ expects TLS \(.+\)\.$/,
        ),
        'Write rediss:// instead of redis:// in REDIS_URL.',
      ),
    );
    expect(await check(server.url)).toEqual(
      problem(
        `TLS failure: this machine does not trust the certificate of 127.0.0.1:${server.port()} (self-signed certificate).`,
        'Set NODE_EXTRA_CA_CERTS=FILE to the certificate of the authority that signed it, here and for the gateway.',
      ),
    );
  });
});

describeIfInstalled('doctor, check of a Redis Cluster', () => {
  const start = useStart();
  const next =
    'Start its missing nodes, or assign their slots. `redis-cli --cluster check HOST:PORT` names them.';

  const startNode = (...args: string[]) => start(['--cluster-enabled', 'yes', ...args]);

  /** A cluster of one node. */
  async function startCluster(): Promise<RedisServer> {
    const node = await startNode();
    await run(node, 'CLUSTER ADDSLOTSRANGE 0 16383');
    await runUntil(node, 'CLUSTER INFO', 'cluster_state:ok');
    return node;
  }

  it('accepts one URL of a cluster, and several', async () => {
    const { url } = await startCluster();
    const dead = await findFreePort();
    for (const urls of [url, `${url},redis://127.0.0.1:${dead}`])
      expect(await check(urls)).toEqual({
        check: 'redis',
        status: 'ok',
        reason: expect.stringMatching(
          /^Redis Cluster answers in \d+\.\d ms and takes all commands of the gateway\.$/,
        ),
      });
  });

  it('reports the number of a database', async () => {
    const { url } = await startCluster();
    for (const urls of [`${url}/1`, `${url}/1,${url}/1`])
      expect(await check(urls)).toEqual(
        problem(
          'REDIS_URL ends with the number of a database, but a cluster has only one (ERR SELECT is not allowed in cluster mode).',
          'Remove the number from each URL in REDIS_URL.',
        ),
      );
  });

  it('reports slots that no node serves', async () => {
    expect(await check(urlOf(await startNode()))).toEqual(
      problem(
        'The Redis Cluster does not serve all keys (CLUSTERDOWN Some hash slots have no server).',
        next,
      ),
    );
    const incomplete = await startCluster();
    await run(incomplete, 'CLUSTER DELSLOTS 0');
    expect(await check(urlOf(incomplete))).toEqual(
      problem(
        'The Redis Cluster does not serve all keys (CLUSTERDOWN Some hash slots have no server).',
        next,
      ),
    );
  });

  it('reports a node that does not say that it is one', async () => {
    const other = await startNode();
    const silent = await startNode('--rename-command', 'HELLO', '');
    await run(other, 'CLUSTER ADDSLOTSRANGE 0 16383');
    await run(other, `CLUSTER MEET 127.0.0.1 ${silent.port()}`);
    let finding = await check(urlOf(silent));
    // Until the nodes know of each other.
    while (finding?.reason.includes('CLUSTERDOWN')) finding = await check(urlOf(silent));
    expect(finding).toEqual(
      problem(
        expect.stringMatching(
          /^Redis is a part of a cluster, but does not say so \(MOVED \d+ 127\.0\.0\.1:\d+\)\.$/,
        ),
        'Let REDIS_URL name several nodes of the cluster, separated by commas, and no proxy in front of it.',
      ),
    );
  });

  it('reports a node that cannot be reached under the address that it announces', async () => {
    const node = await startCluster();
    const dead = await findFreePort();
    await run(node, `CONFIG SET cluster-announce-port ${dead}`);
    expect(await check(urlOf(node))).toEqual(
      problem(
        `A node of the Redis Cluster cannot be reached from here (Redis gave no answer within 50 ms: connect ECONNREFUSED 127.0.0.1:${dead}).`,
        'Start it. If it runs, correct the address that CLUSTER SLOTS lists for it (cluster-announce-ip, cluster-announce-port), or allow the connection.',
      ),
    );
  });
});
