import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { prefix, type Redis } from './redis/redis.ts';
import { parseJson } from './text.ts';
import { maxPauseMs } from './zenskar/callPause.ts';
import {
  createPauseMemory,
  maxRememberedPauses,
  type PauseChannel,
  type SharedPause,
  sharedPause,
} from './zenskar/pauseChannel.ts';

/** The channel of new pauses, and the key of a sorted set of current ones by their end. */
const name = `${prefix}:pauses`;

/** `from`: the process that has begun the pause, which receives its own messages as well. */
const pauseMessage = sharedPause.extend({ from: z.string() });

/**
 * Adds pauses (ARGV from the third: pause and remaining time in turn) and returns all current ones in the same form. All times are
 * of Redis' own clock. If that is set back, ends would be too far ahead: those beyond the longest pause (ARGV[1], in milliseconds) are
 * removed like those that are over, and at most ARGV[2] are kept.
 */
const exchangeScript = `
  local time = redis.call('TIME')
  local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', nowMs)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], nowMs + ARGV[1] + 1, '+inf')
  for n = 3, #ARGV, 2 do
    local knownEndMs = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[n]) or 0)
    redis.call('ZADD', KEYS[1], math.max(knownEndMs, nowMs + ARGV[n + 1]), ARGV[n])
  end
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  local pauses = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for n = 2, #pauses, 2 do
    pauses[n] = tostring(pauses[n] - nowMs)
  end
  return pauses`;

type Dependencies = Pick<Redis, 'publish' | 'eval' | 'subscribe' | 'observe'>;

/**
 * Shares pauses with the processes on the same Redis, also with those that start or connect before the pauses end. Without Redis
 * nothing fails; pauses that are not over are shared when it is back.
 */
export function createRedisPauses(redis: Dependencies, monotonic: () => number): PauseChannel {
  const id = randomUUID();
  /** Pauses that this process has begun. */
  const own = createPauseMemory(monotonic);
  /** Whether Redis has them, and this process those of the others. */
  let isUpToDate = false;

  async function publish(pause: SharedPause): Promise<void> {
    const receivers = await redis.publish(name, JSON.stringify({ ...pause, from: id }));
    if (receivers === undefined) isUpToDate = false;
  }

  async function exchange(pauses: readonly SharedPause[]): Promise<readonly SharedPause[]> {
    for (const pause of pauses) void publish(pause);
    const bounds = [maxPauseMs, maxRememberedPauses].map(String);
    const texts = pauses.flatMap(({ remainingMs, ...pause }) => [JSON.stringify(pause), String(remainingMs)]);
    try {
      return parseReply(await redis.eval(exchangeScript, { keys: [name], arguments: [...bounds, ...texts] }));
    } catch {
      // Redis is down or refuses the script, which it reports itself.
      isUpToDate = false;
      return [];
    }
  }

  function listen(onPause: (pause: SharedPause) => void): void {
    async function catchUp(): Promise<void> {
      // Before the wait, so that a pause that Redis does not take meanwhile counts.
      isUpToDate = true;
      for (const pause of await exchange(own.current())) onPause(pause);
    }
    redis.subscribe(name, (message) => {
      const { data } = pauseMessage.safeParse(parseJson(message));
      if (data === undefined) return;
      const { from, ...pause } = data;
      if (from !== id) onPause(pause);
    });
    redis.observe({
      onHearing: (isHearing) => void (isHearing && catchUp()),
      onWritable: () => void (isUpToDate || catchUp()),
    });
  }

  function share(pause: SharedPause): void {
    own.remember(pause);
    void exchange([pause]);
  }
  return { share, listen };
}

function parseReply(reply: unknown): SharedPause[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((text, n) => {
    const pause = n % 2 === 0 ? parseJson(text) : undefined;
    const parsed = sharedPause.safeParse({ ...Object(pause), remainingMs: Number(reply[n + 1]) });
    return parsed.success ? [parsed.data] : [];
  });
}
