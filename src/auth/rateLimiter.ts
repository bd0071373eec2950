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
  unitsPerMinute: number;
  /** Shares the counts between replicas; where it fails, each counts for itself. */
  redis: ScriptRunner | undefined;
  now: () => number;
};

export type RateLimit = {
  /** Takes so many units from what this caller has left; rejects with `RATE_LIMITED` where that is not enough. */
  charge: (caller: string, units: number) => Promise<void>;
  /** The same where nobody has to be asked for it: whether that was enough. Undefined where Redis has to be. */
  chargeAtOnce: ((caller: string, units: number) => boolean) | undefined;
};

/** Counts what each caller asks for, in windows of a minute; undefined where there is no limit. */
export async function createRateLimit(settings: RateLimitSettings): Promise<RateLimit | undefined> {
  const { unitsPerMinute, redis, now } = settings;
  if (unitsPerMinute === 0) return undefined;
  return redis === undefined
    ? createOwnLimit(unitsPerMinute, now)
    : { charge: await createSharedCharge(unitsPerMinute, redis), chargeAtOnce: undefined };
}

type Window = { used: number; endsAtMs: number };

/** One that ends later than any that begins now is of a clock that was set back since. */
function isOpen({ endsAtMs }: Window, nowMs: number): boolean {
  return endsAtMs > nowMs && endsAtMs <= nowMs + windowMs;
}

/** What is refused takes nothing, or one question too large would use up what smaller ones could still have. */
function createOwnLimit(unitsPerMinute: number, now: () => number): RateLimit {
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

  function chargeAtOnce(caller: string, units: number): boolean {
    const window = windowOf(caller);
    if (window.used + units > unitsPerMinute) return false;
    window.used += units;
    return true;
  }

  async function charge(caller: string, units: number): Promise<void> {
    if (!chargeAtOnce(caller, units))
      throw refuse({ unitsPerMinute, caller, remainingMs: windowOf(caller).endsAtMs - now() });
  }
  return { charge, chargeAtOnce };
}

async function createSharedCharge(unitsPerMinute: number, redis: ScriptRunner): Promise<RateLimit['charge']> {
  // Loads every kind of store there is, so only where it is of use.
  const { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } = await import('rate-limiter-flexible');
  const own = { points: unitsPerMinute, duration: windowMs / 1000, keyPrefix: 'zenskar-gateway:1:rate' };
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
      throw refuse({ unitsPerMinute, caller, remainingMs: refusal.msBeforeNext });
    }
  };
}

type Refused = { unitsPerMinute: number; caller: string; remainingMs: number };

function refuse({ unitsPerMinute, caller, remainingMs }: Refused): AppError {
  return new AppError('RATE_LIMITED', `More than ${unitsPerMinute} totals or operations in a minute.`, {
    retryAfterSeconds: Math.max(1, Math.ceil(remainingMs / 1000)),
    reason: `caller ${caller}`,
  });
}
