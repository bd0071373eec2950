import { AppError } from '../errors.ts';

const windowMs = 60_000;
/** No answer of Redis is waited for as long as this. */
const rewardMs = 1000;

/** A Redis that runs scripts, or rejects at once where it is down or slow. */
type ScriptRunner = {
  eval: (script: string, options: { keys: string[]; arguments: string[] }) => Promise<unknown>;
};

type RateLimitSettings = {
  /** 0 sets no limit. */
  pointsPerMinute: number;
  /** Shares the counts between replicas; where it fails, each counts for itself. */
  redis: ScriptRunner | undefined;
  now: () => number;
};

export type RateLimiter = {
  /** Takes so many units from what this caller has left; rejects with `RATE_LIMITED` where that is not enough. */
  consume: (caller: string, units: number) => Promise<void>;
};

/** Counts what each caller asks for, in windows of a minute; undefined where there is no limit. */
export async function createRateLimiter(settings: RateLimitSettings): Promise<RateLimiter | undefined> {
  const { pointsPerMinute, redis, now } = settings;
  if (pointsPerMinute === 0) return undefined;
  return redis === undefined
    ? createOwnLimit(pointsPerMinute, now)
    : { consume: await createSharedCharge(pointsPerMinute, redis) };
}

type Window = { used: number; endsAtMs: number };

/** One that ends later than any that begins now is of a clock that was set back since. */
function isOpen({ endsAtMs }: Window, nowMs: number): boolean {
  return endsAtMs > nowMs && endsAtMs <= nowMs + windowMs;
}

/** What is refused takes nothing, or one question too large would use up what smaller ones could still have. */
function createOwnLimit(pointsPerMinute: number, now: () => number): RateLimiter {
  // A Map keeps its order, which is that of their beginnings.
  const windows = new Map<string, Window>();

  function windowOf(caller: string): Window {
    const nowMs = now();
    for (const [name, window] of windows) {
      if (isOpen(window, nowMs)) break;
      windows.delete(name);
    }
    const found = windows.get(caller);
    if (found !== undefined && isOpen(found, nowMs)) return found;
    const window = { used: 0, endsAtMs: nowMs + windowMs };
    windows.delete(caller);
    windows.set(caller, window);
    return window;
  }

  function tryConsume(caller: string, units: number): boolean {
    const window = windowOf(caller);
    if (window.used + units > pointsPerMinute) return false;
    window.used += units;
    return true;
  }

  async function consume(caller: string, units: number): Promise<void> {
    if (!tryConsume(caller, units))
      throw refuse({ pointsPerMinute, caller, remainingMs: windowOf(caller).endsAtMs - now() });
  }
  return { consume };
}

async function createSharedCharge(
  pointsPerMinute: number,
  redis: ScriptRunner,
): Promise<RateLimiter['consume']> {
  // Loads every kind of store there is, so only where it is of use.
  const { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } = await import('rate-limiter-flexible');
  const own = { points: pointsPerMinute, duration: windowMs / 1000, keyPrefix: 'zenskar-gateway:1:rate' };
  const insuranceLimiter = new RateLimiterMemory(own);
  const limiter = new RateLimiterRedis({
    ...own,
    storeClient: redis,
    useRedisPackage: true,
    insuranceLimiter,
  });

  return async (caller, units) => {
    try {
      await limiter.consume(caller, units);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      // What is refused is given back. Not at the end of a window: given back to the next one, it would be a present.
      if (refusal.msBeforeNext > rewardMs) await limiter.reward(caller, units);
      throw refuse({ pointsPerMinute, caller, remainingMs: refusal.msBeforeNext });
    }
  };
}

type Refused = { pointsPerMinute: number; caller: string; remainingMs: number };

function refuse({ pointsPerMinute, caller, remainingMs }: Refused): AppError {
  return new AppError('RATE_LIMITED', `More than ${pointsPerMinute} totals or operations in a minute.`, {
    retryAfterSeconds: Math.max(1, Math.ceil(remainingMs / 1000)),
    reason: `caller ${caller}`,
  });
}
