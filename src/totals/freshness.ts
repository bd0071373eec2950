import type { Config } from '../config/config.ts';

/** How long a number is good for what, each span beginning where the one before ends (RFC 5861). */
export type FreshnessSettings = {
  maxAgeMs: number;
  staleWhileRevalidateMs: number;
  staleIfErrorMs: number;
};

/** The settings of the configuration, in milliseconds. */
export function toFreshnessSettings(config: Config): FreshnessSettings {
  return {
    maxAgeMs: config.CACHE_MAX_AGE_SECONDS * 1000,
    staleWhileRevalidateMs: config.CACHE_STALE_WHILE_REVALIDATE_SECONDS * 1000,
    staleIfErrorMs: config.CACHE_STALE_IF_ERROR_SECONDS * 1000,
  };
}

/**
 * `fresh`: answered as it is. `revalidate`: answered as stale while it is refreshed. `onError`: answered as stale where
 * the upstream fails. `gone`: never answered.
 */
export type Freshness = 'fresh' | 'revalidate' | 'onError' | 'gone';

/** Follows from a number's age alone. */
export function toFreshness(ageMs: number, settings: FreshnessSettings): Freshness {
  const { maxAgeMs, staleWhileRevalidateMs, staleIfErrorMs } = settings;
  // Without a cache nothing is kept, so nothing can be stale.
  if (maxAgeMs === 0) return 'gone';
  if (ageMs < maxAgeMs) return 'fresh';
  if (ageMs < maxAgeMs + staleWhileRevalidateMs) return 'revalidate';
  if (ageMs < maxAgeMs + staleWhileRevalidateMs + staleIfErrorMs) return 'onError';
  return 'gone';
}

/** The age from which a number is of no use at all. */
export function toLifetimeMs({
  maxAgeMs,
  staleWhileRevalidateMs,
  staleIfErrorMs,
}: FreshnessSettings): number {
  return maxAgeMs === 0 ? 0 : maxAgeMs + staleWhileRevalidateMs + staleIfErrorMs;
}
