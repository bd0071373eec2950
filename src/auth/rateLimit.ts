import { AppError } from '../errors.ts';

const windowSeconds = 60;
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
};

/** Takes so many units from what this caller has left; rejects with `RATE_LIMITED` where that is not enough. */
export type Charge = (caller: string, units: number) => Promise<void>;

/** Counts what each caller asks for, in windows of a minute; undefined where there is no limit. */
export async function createRateLimit({
  unitsPerMinute,
  redis,
}: RateLimitSettings): Promise<Charge | undefined> {
  if (unitsPerMinute === 0) return undefined;
  // Loads every kind of store there is, so only where it is of use.
  const { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } = await import('rate-limiter-flexible');
  const own = { points: unitsPerMinute, duration: windowSeconds, keyPrefix: 'zenskar-gateway:1:rate' };
  const memory = new RateLimiterMemory(own);
  const limiter =
    redis === undefined
      ? memory
      : new RateLimiterRedis({ ...own, storeClient: redis, useRedisPackage: true, insuranceLimiter: memory });

  return async (caller, units) => {
    try {
      await limiter.consume(caller, units);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      // What is refused is given back, or one question too large would use up what smaller ones could still have.
      // Not at the end of a window: given back to the next one, it would be a present.
      if (refusal.msBeforeNext > rewardMs) await limiter.reward(caller, units);
      throw new AppError('RATE_LIMITED', `More than ${unitsPerMinute} totals or operations in a minute.`, {
        retryAfterSeconds: Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)),
        reason: `caller ${caller}`,
      });
    }
  };
}
