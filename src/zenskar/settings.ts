import type { Config } from '../config/config.ts';

/** The settings of the configuration that say how to ask Zenskar. Times are in milliseconds. */
export function toUpstreamSettings(config: Config) {
  return {
    attemptTimeoutMs: config.UPSTREAM_ATTEMPT_TIMEOUT_MS,
    deadlineMs: config.UPSTREAM_DEADLINE_MS,
    retries: config.UPSTREAM_RETRIES,
    concurrency: config.UPSTREAM_CONCURRENCY,
    breakerFailures: config.UPSTREAM_BREAKER_FAILURES,
    breakerResetMs: config.UPSTREAM_BREAKER_RESET_MS,
  };
}
