import type { Config } from '../config/config.ts';

/** The ages of a number, each span beginning at the end of the one before (RFC 5861). */
export type FreshnessSettings = {
  maxAgeMs: number;
  staleWhileRevalidateMs: number;
  staleIfErrorMs: number;
};

export function toFreshnessSettings(config: Config): FreshnessSettings {
  return {
    maxAgeMs: config.CACHE_MAX_AGE_SECONDS * 1000,
    staleWhileRevalidateMs: config.CACHE_STALE_WHILE_REVALIDATE_SECONDS * 1000,
    staleIfErrorMs: config.CACHE_STALE_IF_ERROR_SECONDS * 1000,
  };
}

/**
 * `fresh`: served as it is. `revalidate`: served as stale while it is refreshed. `onError`: served as stale if the
 * upstream fails. `gone`: never served.
 */
export type Freshness = 'fresh' | 'revalidate' | 'onError' | 'gone';

export function toFreshness(ageMs: number, settings: FreshnessSettings): Freshness {
  const { maxAgeMs, staleWhileRevalidateMs, staleIfErrorMs } = settings;
  // Nothing is cached, so nothing can be stale.
  if (maxAgeMs === 0) return 'gone';
  if (ageMs < maxAgeMs) return 'fresh';
  if (ageMs < maxAgeMs + staleWhileRevalidateMs) return 'revalidate';
  if (ageMs < maxAgeMs + staleWhileRevalidateMs + staleIfErrorMs) return 'onError';
  return 'gone';
}

/** The age from which a number is never served; 0 if nothing is cached. */
export function toLifetimeMs({
  maxAgeMs,
  staleWhileRevalidateMs,
  staleIfErrorMs,
}: FreshnessSettings): number {
  return maxAgeMs === 0 ? 0 : maxAgeMs + staleWhileRevalidateMs + staleIfErrorMs;
}
