import type { ApolloServerPlugin } from '@apollo/server';
import type { Context } from './context.ts';

type CacheControlSettings = { maxAgeMs: number; now: () => number };

/**
 * Says for how long an answer is as good as asking again (RFC 9111): as long as the oldest of its totals stays fresh.
 * Not for a moment where anything in it may be better the next time, or where it holds no total.
 */
export function createCacheControl({ maxAgeMs, now }: CacheControlSettings): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async willSendResponse({ contextValue, errors, response }) {
        const { sources, oldestAsOfMs } = contextValue.tally;
        const isPerfect =
          !errors?.length && !sources.stale && !sources.failed && oldestAsOfMs < Number.POSITIVE_INFINITY;
        const remainingSeconds = Math.max(
          0,
          Math.floor(Math.min(maxAgeMs, oldestAsOfMs + maxAgeMs - now()) / 1000),
        );
        response.http.headers.set(
          'cache-control',
          isPerfect ? `private, max-age=${remainingSeconds}` : 'no-store',
        );
      },
    }),
  };
}
