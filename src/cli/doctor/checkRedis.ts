import { performance } from 'node:perf_hooks';
import type { Config } from '../../config/config.ts';
import { loadRedis, type Redis } from '../../redis/connection.ts';
import { ok, problem, skipped, type Verdict } from './verdict.ts';

/** The gateway's own client gives up a connection after 5 s; this is for one that neither works nor fails. */
const patienceMs = 8000;
/** Of several, so that a busy moment of this machine does not count against Redis. */
const pings = 3;

type Heard = { state: 'up' | 'down' | undefined; reason: string };

/** Connects as the gateway does, within the same limits. */
export async function checkRedis(config: Config, now: () => number): Promise<Verdict> {
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
  const heard: Heard = { state: undefined, reason: '' };
  const emit: Parameters<typeof loadRedis>[0]['emit'] = (event) => {
    if (event.type !== 'redisChanged' && event.type !== 'redisRefused') return;
    if (event.type === 'redisChanged') heard.state = event.state;
    heard.reason = event.reason ?? heard.reason;
    settle();
  };
  const redis = await loadRedis({ config, emit, now });
  if (redis === undefined) {
    return skipped(
      'REDIS_URL is not set, so each replica keeps a cache of its own.',
      'Nothing, or set REDIS_URL to share one.',
    );
  }
  const timer = setTimeout(settle, patienceMs);
  redis.start();
  await settled;
  clearTimeout(timer);
  const quickestMs = heard.state === 'up' ? await ping(redis) : undefined;
  redis.stop();
  if (quickestMs === undefined) return describeRedisFault(heard.reason);
  return ok(`Redis answers PING in ${quickestMs.toFixed(1)} ms.`);
}

async function ping(redis: Redis): Promise<number | undefined> {
  let quickestMs: number | undefined;
  for (let n = 0; n < pings; n += 1) {
    const startedMs = performance.now();
    const reply = await redis.run((client) => client.ping(), 'insist');
    const tookMs = performance.now() - startedMs;
    if (reply === 'PONG') quickestMs = Math.min(quickestMs ?? tookMs, tookMs);
  }
  return quickestMs;
}

/** The first that fits counts; the reasons are those of Redis and of Node's sockets. */
const faults: readonly (readonly [pattern: RegExp, fault: string, next: string])[] = [
  [/AUTH|WRONGPASS/, 'Redis refuses the password', 'Mend user and password in REDIS_URL.'],
  [/NOPERM/, 'Redis does not let this user ping', 'Give the user of REDIS_URL its rights (ACL).'],
  [/ENOTFOUND|EAI_AGAIN/, 'DNS failure: the host of Redis is not known', 'Mend the host in REDIS_URL.'],
  [
    /ECONNREFUSED/,
    'Connection refused: nothing listens where Redis should',
    'Start Redis, or mend host and port in REDIS_URL.',
  ],
  [
    /certificate|SSL|TLS|altname|disconnected before secure/i,
    'TLS failure: no secure connection to Redis came about',
    'Check whether it wants redis:// or rediss:// in REDIS_URL, and whether its certificate is trusted (NODE_EXTRA_CA_CERTS).',
  ],
  [
    /within \d+ ms/,
    'Redis is too slow for the gateway, which then does without it',
    'Bring it nearer, or see what keeps it busy (SLOWLOG GET).',
  ],
  [
    /closed/i,
    'Connection lost: Redis closed it, or it is no Redis',
    'Check host and port in REDIS_URL, and whether it wants redis:// or rediss://.',
  ],
  [/time/i, 'Timeout: Redis did not answer', 'Check the firewall, and host and port in REDIS_URL.'],
];

function describeRedisFault(reason: string): Verdict {
  const [, fault, next] = faults.find(([pattern]) => pattern.test(reason)) ?? [];
  return problem(
    `${fault ?? 'Redis cannot be reached'} (${reason || 'no reason given'}).`,
    `${next ?? 'See that Redis runs where REDIS_URL says.'} Until then each replica keeps a cache of its own.`,
  );
}
