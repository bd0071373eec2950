import { AppError } from '../errors.ts';

const windowMs = 60_000;
/** A window that ends within this time may be over before rejected points are given back: they would enlarge the next one. */
const maxReplyMs = { redis: 1000, memory: 10 };

/**
 * Redis ends windows by its own wall clock. If that is set back, a window would outlast a minute by as much as the step, and its
 * caller would be rejected all that time; so no window has more than a minute left. Consumes ARGV[1] points.
 */
const consumeScript = `
  local consumed = redis.call('INCRBY', KEYS[1], ARGV[1])
  local remainingMs = redis.call('PTTL', KEYS[1])
  local windowMs = ARGV[2] * 1000
  if remainingMs < 0 or remainingMs > windowMs then
    redis.call('PEXPIRE', KEYS[1], windowMs)
    remainingMs = windowMs
  end
  return { consumed, remainingMs }`;

/** Runs scripts in Redis; rejects at once if Redis is down or slow. */
type ScriptRunner = {
  eval: (script: string, options: { keys: string[]; arguments: string[] }) => Promise<unknown>;
};

type RateLimiterSettings = {
  /** 0 means no limit. */
  pointsPerMinute: number;
  /** Shares the windows between replicas. Without it, and while it fails, each replica has its own. */
  redis: ScriptRunner | undefined;
};

export type RateLimiter = {
  /** Consumes points of the caller's window; if it has too few left, consumes none and rejects with `RATE_LIMITED`. */
  consume: (caller: string, points: number) => Promise<void>;
};

/** Limits the points of each caller in windows of one minute; undefined if there is no limit. */
export async function createRateLimiter(settings: RateLimiterSettings): Promise<RateLimiter | undefined> {
  const { pointsPerMinute, redis } = settings;
  if (pointsPerMinute === 0) return undefined;
  // The package loads all of its stores (20 ms, 12 MB), so only gateways with a limit import it.
  const { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } = await import('rate-limiter-flexible');
  const options = {
    points: pointsPerMinute,
    duration: windowMs / 1000,
    keyPrefix: 'zenskar-gateway:1:rate',
  };
  const memory = new RateLimiterMemory(options);
  const shared = redis && {
    ...options,
    storeClient: redis,
    useRedisPackage: true,
    customIncrTtlLuaScript: consumeScript,
    insuranceLimiter: memory,
  };
  const limiter = shared === undefined ? memory : new RateLimiterRedis(shared);
  const giveBackFromMs = shared === undefined ? maxReplyMs.memory : maxReplyMs.redis;

  async function consume(caller: string, points: number): Promise<void> {
    try {
      await limiter.consume(caller, points);
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      // The library counts rejected points too: one large request would use up what smaller ones may still have.
      if (rejection.msBeforeNext > giveBackFromMs) await limiter.reward(caller, points);
      throw toRateLimited(pointsPerMinute, caller, rejection.msBeforeNext);
    }
  }
  return { consume };
}

/** After a step back of the clock the memory of the library reports more than a window; its timers still end the window in time. */
function toRateLimited(pointsPerMinute: number, caller: string, remainingMs: number): AppError {
  return new AppError('RATE_LIMITED', `Rate limit of ${pointsPerMinute} per minute exceeded.`, {
    retryAfterSeconds: Math.min(remainingMs, windowMs) / 1000,
    reason: `caller ${caller}`,
  });
}
