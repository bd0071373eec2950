import type { Redact } from './redact.ts';

/** What a check needs besides the configuration. */
export type Means = {
  /** Milliseconds since the epoch. */
  now: () => number;
  redact: Redact;
};
