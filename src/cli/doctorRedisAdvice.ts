export type Row = readonly [found: RegExp, reason: string, next?: string];

const rights =
  'Give the user of REDIS_URL these rights with ACL SETUSER: {rules}. docs/redis.md lists all that the gateway needs.';

/** Rows of the table in `doctorAdvice.ts`. What was found is mostly the error of Redis or of the connection. */
export const redisWarnings: readonly Row[] = [
  [
    /^evicting \[/,
    '{server} answers in {duration} ms and takes all commands of the gateway, but its maxmemory-policy {policy} may evict a purge before the totals that it forgets.',
    'Set maxmemory-policy to volatile-ttl.',
  ],
];

export const redisProblems: readonly Row[] = [
  [
    /^without TLS \[/,
    'Wrong TLS: REDIS_URL has the scheme rediss, but the Redis at {place} speaks no TLS ({reason}).',
    'Write redis:// instead of rediss:// in REDIS_URL, or let Redis listen with TLS (tls-port).',
  ],
  [
    /^with TLS \[/,
    'Wrong TLS: REDIS_URL has the scheme redis, but the server at {place} expects TLS ({reason}).',
    'Write rediss:// instead of redis:// in REDIS_URL.',
  ],
  [
    /within \d+ ms: .*\[redis/,
    'A node of the Redis Cluster cannot be reached from here ({reason}).',
    'Start it. If it runs, correct the address that CLUSTER SLOTS lists for it (cluster-announce-ip, cluster-announce-port), or allow the connection.',
  ],
  [
    /^(no message|Redis delivers no messages) \[/,
    'Redis takes all commands, but a published message is not received.',
    'Let REDIS_URL name Redis itself: a proxy in front of it must pass on PUBLISH and SUBSCRIBE.',
  ],
  [
    /^DENIED .*\[redis/,
    'Redis is in protected mode and accepts connections from its own machine only (DENIED).',
    'Set a password in Redis and add it to REDIS_URL, or set protected-mode to no.',
  ],
  [
    /^NOAUTH .*\[redis/,
    'Redis requires a password ({reason}).',
    'Add user and password to REDIS_URL, such as redis://USER:PASSWORD@HOST:6379.',
  ],
  [
    /^ERR (AUTH <password> called|Client sent AUTH).*\[redis/,
    'REDIS_URL has a password, but Redis has none ({reason}).',
    'Remove user and password from REDIS_URL, or set a password in Redis.',
  ],
  [
    /^(WRONGPASS|ERR invalid password).*\[redis/,
    'Redis does not know the user, or the password is wrong ({reason}).',
    'Correct user and password in REDIS_URL. Without a user it is that of the user default. Special characters are encoded, such as %40 for @.',
  ],
  [
    /^(NOPERM|ERR The user executing the script|.*ACL failure).*\[redis/,
    'The user of REDIS_URL has no right to {commands} ({reason}).',
    rights,
  ],
  [
    /^READONLY .*\[redis/,
    'Redis is a replica and takes no writes ({reason}).',
    'Let REDIS_URL name the primary, or a host name that follows it after a failover.',
  ],
  [
    /^OOM .*\[redis/,
    'The memory of Redis is full, so it takes no writes ({reason}).',
    'Raise maxmemory, and set maxmemory-policy to volatile-ttl: then Redis evicts old entries instead.',
  ],
  [
    /^MISCONF .*\[redis/,
    'Redis takes no writes, because it cannot save its data ({reason}).',
    'Make room on its disk, or turn persistence off (CONFIG SET save ""): the gateway needs none.',
  ],
  [
    /^NOREPLICAS .*\[redis/,
    'Redis takes no writes, because it has too few replicas ({reason}).',
    'Start its replicas again, or lower min-replicas-to-write.',
  ],
  [
    /^LOADING .*\[redis/,
    'Redis has not loaded its data yet ({reason}).',
    'Wait: INFO persistence shows how long it takes. The gateway then uses Redis by itself.',
  ],
  [
    /^MASTERDOWN .*\[redis/,
    'Redis is a replica that has lost its primary ({reason}).',
    'Let REDIS_URL name the primary, or a host name that follows it after a failover. INFO replication names the primary of the replica.',
  ],
  [
    /^CLUSTERDOWN .*\[redis/,
    'The Redis Cluster does not serve all keys ({reason}).',
    'Start its missing nodes, or assign their slots. `redis-cli --cluster check HOST:PORT` names them.',
  ],
  [
    /^(MOVED|CROSSSLOT|ASK) .*\[redis/,
    'Redis is a part of a cluster, but does not say so ({reason}).',
    'Let REDIS_URL name several nodes of the cluster, separated by commas, and no proxy in front of it.',
  ],
  [
    /cluster support disabled.*\[redis/,
    'REDIS_URL has several URLs, but a server at {place} is no node of a cluster ({reason}).',
    'Let REDIS_URL name one server: the primary. Several URLs are nodes of one Redis Cluster.',
  ],
  [
    /SELECT is not allowed in cluster mode.*\[redis/,
    'REDIS_URL ends with the number of a database, but a cluster has only one ({reason}).',
    'Remove the number from each URL in REDIS_URL.',
  ],
  [
    /DB index is out of range.*\[redis/,
    'Redis has no database with the number in REDIS_URL ({reason}).',
    'Correct the number at the end of REDIS_URL, or raise `databases` in Redis.',
  ],
  [
    /max number of clients.*\[redis/,
    'Redis takes no further connections ({reason}).',
    'Raise maxclients: each process of the gateway needs two connections.',
  ],
  [
    /unknown command.*\[redis/,
    'The server at {place} does not know {commands} ({reason}).',
    'Let REDIS_URL name Redis itself, with all commands under their own names, and no Sentinel.',
  ],
  [
    /within \d+ ms.*\[redis/,
    'Redis is too slow, so the gateway works without it ({reason}).',
    'Move Redis nearer, or find out what keeps it busy (SLOWLOG GET).',
  ],
  [
    /(SELF_SIGNED|UNABLE_TO_|self-signed|unable to (get|verify)).*\[redis/,
    'TLS failure: this machine does not trust the certificate of {place} ({reason}).',
    'Set NODE_EXTRA_CA_CERTS=FILE to the certificate of the authority that signed it, here and for the gateway.',
  ],
  [
    /^certificate required \[redis/,
    'TLS failure: the Redis at {place} requires a certificate of its clients, and the gateway has none ({reason}).',
    'Set tls-auth-clients to no in Redis, and let a password protect it.',
  ],
  [
    /Socket timeout.*\[redis/,
    'Timeout: the server at {place} accepts connections but does not answer ({reason}).',
    'Correct host and port in REDIS_URL. If they are correct, find out what keeps Redis busy, or restart it.',
  ],
  [
    /time.?out.*\[redis/i,
    'Timeout: no connection to {place} ({reason}).',
    'Correct host and port in REDIS_URL. If they are correct, allow the connection in firewalls and network policies.',
  ],
  [
    /^[A-Z]{3,} .*\[redis/,
    'Redis refuses {commands} ({reason}).',
    'Compare the set-up of Redis with docs/redis.md.',
  ],
];
