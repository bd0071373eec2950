import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRateLimiter } from '../auth/rateLimiter.ts';
import { createTenant } from '../auth/tenant.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { createPersistedQueries } from '../graphql/persistedQueries.ts';
import { loadRedis, type Redis, type RedisCommands } from '../redis/redis.ts';
import { createRedisPauses } from '../redisPauses.ts';
import type { Emit } from '../telemetry/events.ts';
import { toFreshnessSettings } from '../totals/freshness.ts';
import { createPurges } from '../totals/purges.ts';
import { createRedisCache } from '../totals/redisCache.ts';
import { toTotalKey } from '../totals/total.ts';
import { diagnose, type Finding } from './doctorAdvice.ts';
import { explainConnection } from './doctorConnection.ts';

const connectTimeoutMs = 8000;
/** After a slow reply. */
const graceMs = 2000;
const maxTries = 5;
const maxMessages = 3;
const messageTimeoutMs = 400;
/** The gateway sends a first heartbeat within half a second. */
const hearTimeoutMs = 1500;
/** Policies that evict no purge mark before the entries that it voids. */
const safePolicies = ['volatile-ttl', 'noeviction'];
/** What scripts of the gateway call. Redis does not say which of it is refused. */
const pauseRights = '+time +zadd +zscore +zrange +zremrangebyscore +zremrangebyrank +pexpire';
const limiterRights = '+incrby +pttl';
const isErrorReply = /^[A-Z]{3,} /;
/** The script and the arguments of a refused command. */
const details = /( script: \w+, on @user_script|, with args beginning with: ).*$/;
const isVague = /within \d+ ms$/;
const readPolicy = "return redis.call('INFO', 'memory')";

type RedisContext = { config: Config; clock: Clock };

/** Does with Redis what the gateway does, with its code, for a customer and a caller that cannot exist. */
export async function checkRedis({ config, clock }: RedisContext): Promise<Finding> {
  const observer = createObserver();
  const redis = await loadRedis({ config, emit: observer.emit, ...clock });
  if (redis === undefined) return diagnose('redis', 'not configured');
  redis.observe({ onProblem: observer.onProblem });
  const trial = createTrial(redis);
  const run = await createRun(trial, { config, clock });
  redis.start();
  try {
    const durationMs = (await observer.connect()) ? await run() : undefined;
    await trial.end();
    const isComplete = durationMs !== undefined && trial.failed.size === 0 && trial.isReceived();
    const context = { config, trial, observer };
    return isComplete ? await describeSuccess(redis, durationMs) : await describeFailure(context);
  } finally {
    redis.stop();
  }
}

type Observer = ReturnType<typeof createObserver>;

/** Collects what the connection reports. */
function createObserver() {
  const connected = Promise.withResolvers<boolean>();
  const failures = new Set<string>();
  const refusals = new Map<string, string>();

  const emit: Emit = (event) => {
    if (event.type === 'redisChanged' && event.state !== 'down') connected.resolve(true);
  };

  function onProblem(reason: string, command?: string): void {
    if (command !== undefined) refusals.set(command, reason);
    // Of a cluster, one for each of its nodes.
    else for (const failure of reason.split('; ')) failures.add(failure.trim());
    // This machine may be busy for a moment.
    setTimeout(() => connected.resolve(false), isVague.test(reason) ? graceMs : 0);
  }

  /** False if there is no connection in time. */
  async function connect(): Promise<boolean> {
    const timer = setTimeout(() => connected.resolve(false), connectTimeoutMs);
    return connected.promise.finally(() => clearTimeout(timer));
  }

  /** An error of the server says more than a connection that was lost because of it, or a slow reply. */
  function mainReason(): string | undefined {
    const reasons = [...failures].sort((a, b) => Number(isVague.test(a)) - Number(isVague.test(b)));
    return reasons.find((reason) => isErrorReply.test(reason)) ?? [...listRefusals().values(), ...reasons][0];
  }
  const listRefusals = () => new Map([...refusals].sort(([a], [b]) => a.localeCompare(b)));
  return { emit, onProblem, connect, listRefusals, mainReason };
}

type Trial = {
  /** Tries each command several times: a busy moment of this machine is no fault of Redis. */
  redis: Redis;
  /** Commands without a reply. */
  failed: ReadonlySet<string>;
  /** Resolves when messages are received, or after `hearTimeoutMs`. */
  hear: () => Promise<unknown>;
  isReceived: () => boolean;
  /** Resolves when a published message was received, or after `messageTimeoutMs`. */
  receive: () => Promise<unknown>;
  /** Deletes all keys that were written. */
  end: () => Promise<void>;
};

function createTrial(redis: Redis): Trial {
  const { id, commands, failed, keys, published, end } = createRepeatedCommands(redis.insist);
  const heard = Promise.withResolvers<void>();
  const received = Promise.withResolvers<void>();
  redis.observe({ onHearing: (isHearing) => isHearing && heard.resolve() });
  let isReceived = false;

  function subscribe(channel: string, onMessage: (message: string) => void): void {
    redis.subscribe(`${channel}:${id}`, (message) => {
      isReceived ||= published.has(message);
      if (isReceived) received.resolve();
      onMessage(message);
    });
  }

  async function clean(): Promise<void> {
    await end();
    for (const key of keys) await commands.del(key);
  }
  return {
    redis: { ...redis, ...commands, insist: commands, subscribe },
    failed,
    hear: () => Promise.race([heard.promise, sleep(hearTimeoutMs)]),
    isReceived: () => isReceived,
    receive: () => Promise.race([received.promise, sleep(messageTimeoutMs)]),
    end: clean,
  };
}

function createRepeatedCommands(once: RedisCommands) {
  const failed = new Set<string>();
  const keys = new Set<string>();
  const published = new Set<string>();
  const id = `doctor-${randomUUID()}`;
  const running: Promise<unknown>[] = [];

  async function attempt<Reply>(command: string, send: () => Promise<Reply | undefined>) {
    for (let n = 0; n < maxTries; n += 1) {
      const reply = await send();
      if (reply !== undefined) return reply;
    }
    failed.add(command);
    return undefined;
  }

  function repeat<Reply>(
    command: string,
    send: () => Promise<Reply | undefined>,
  ): Promise<Reply | undefined> {
    const reply = attempt(command, send);
    running.push(reply);
    return reply;
  }

  const commands: RedisCommands = {
    get: (key) => repeat('GET', () => once.get(key)),
    mGet: (names) => repeat('MGET', () => once.mGet(names)),
    pTtl: (names) => repeat('PTTL', () => once.pTtl(names)),
    set(key, value, ttlMs) {
      keys.add(key);
      return repeat('SET', () => once.set(key, value, ttlMs));
    },
    del: (key) => repeat('DEL', () => once.del(key)),
    publish(channel, message) {
      published.add(message);
      return repeat('PUBLISH', () => once.publish(`${channel}:${id}`, message));
    },
    async eval(script, options) {
      // The scripts of pauses and limits write to keys that all gateways share, as messages reach all of them.
      const own = options.keys.map((key) => `${key}:${id}`);
      for (const key of own) keys.add(key);
      const send = () => once.eval(script, { ...options, keys: own }).catch(() => undefined);
      const reply = await repeat('EVAL', send);
      if (reply === undefined) throw new Error('Redis did not run the script.');
      return reply;
    },
  };
  return { id, commands, failed, keys, published, end: () => Promise.all(running) };
}

/** What the gateway does with Redis. Resolves to the duration of the first command. */
async function createRun(trial: Trial, { config, clock }: RedisContext): Promise<() => Promise<number>> {
  const { redis } = trial;
  // No id of a customer and no name of a caller has this form.
  const customerId = `doctor-${randomUUID()}`;
  const { scope: tenant } = createTenant({ apiKey: '', organisation: '', url: '', apiVersion: undefined });
  const key = toTotalKey(tenant, { customerId, entitlementId: customerId });
  const hash = `apq:${randomUUID().replaceAll('-', '').repeat(2)}`;
  const freshness = toFreshnessSettings(config);
  const cache = createRedisCache({ redis, freshness, purges: createPurges(), emit: () => {}, ...clock });
  const queries = createPersistedQueries(redis);
  const limiter = await createRateLimiter({ redis, pointsPerMinute: config.RATE_LIMIT_PER_MINUTE });
  const pauses = createRedisPauses(redis, clock.monotonic);
  pauses.listen(() => {});

  return async () => {
    const startedMs = performance.now();
    const [lookup] = (await cache.getMany([key])) ?? [];
    const durationMs = performance.now() - startedMs;
    const entry = { quantity: 0, asOfMs: clock.now(), receivedAtMs: clock.monotonic() };
    cache.set(key, entry, lookup?.version ?? [null, null]);
    await cache.delete(key);
    await queries.get(hash);
    await queries.set(hash, 'doctor');
    await limiter?.consume(customerId, 1);
    pauses.share({ tenant, kind: 'rateLimitPause', remainingMs: 1, growth: 0 });
    await trial.hear();
    let messages = 0;
    while (!trial.isReceived() && messages < maxMessages && (await cache.purge({ customerId }))) {
      messages += 1;
      await trial.receive();
    }
    return durationMs;
  };
}

async function describeSuccess(redis: Redis, durationMs: number): Promise<Finding> {
  // Most users with few rights may not read it.
  const memory = String(
    await redis.insist.eval(readPolicy, { keys: [], arguments: [] }).catch(() => undefined),
  );
  const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(memory) ?? [];
  const evicts = !(/^maxmemory:0\s/m.test(memory) || safePolicies.includes(policy));
  const server = redis.mode() === 'cluster' ? 'Redis Cluster' : 'Redis';
  return diagnose('redis', evicts ? 'evicting' : 'up', { server, policy, duration: durationMs.toFixed(1) });
}

type FailureContext = { config: Config; trial: Trial; observer: Observer };

async function describeFailure({ config, trial, observer }: FailureContext): Promise<Finding> {
  const refusals = observer.listRefusals();
  const urls = config.REDIS_URL ?? [];
  const failure = observer.mainReason();
  const cause = await explainConnection(urls[0] ?? '', failure ?? '');
  const reason = (isErrorReply.test(cause ?? '') ? cause : failure) ?? 'timeout';
  const found = cause ?? failure ?? (trial.failed.size === 0 ? 'no message' : 'timeout');
  const finding = diagnose('redis', found, {
    reason: reason.replace(details, '').replace(/\.$/, ''),
    commands: new Intl.ListFormat('en').format(refusals.size > 0 ? refusals.keys() : ['commands']),
    rules: toRules([...refusals.values()], config.RATE_LIMIT_PER_MINUTE > 0),
    variable: 'REDIS_URL',
    place: new Intl.ListFormat('en', { type: 'disjunction' }).format(urls.map(toPlace)),
  });
  return { ...finding, next: `${finding.next} Until then each replica has its own cache.` };
}

/** The ACL rules whose lack these error replies report. */
function toRules(reasons: readonly string[], isLimited: boolean): string {
  const ofScripts = isLimited ? `${pauseRights} ${limiterRights}` : pauseRights;
  const rules = reasons.map((reason) => {
    if (/one of the keys|access a key|at least one of the keys/.test(reason)) return '~zenskar-gateway:*';
    if (/channel/.test(reason)) return '&zenskar-gateway:*';
    const [, command] = /'(\S+)' command/.exec(reason) ?? [];
    return command === undefined ? ofScripts : `+${command}`;
  });
  return [...new Set(rules)].join(' ');
}

function toPlace(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || '6379'}`;
}
