import type { Span } from '../telemetry/tracing.ts';
import type { TotalLoader } from '../totals/loader.ts';
import type { LoadStats } from '../totals/stats.ts';

/** What one request carries to its resolvers. */
export type Context = {
  requestId: string;
  span: Span;
  totals: TotalLoader;
  stats: LoadStats;
  /** Takes points from the caller's rate limit; rejects with `RATE_LIMITED`. Undefined without a limit. */
  consume: ((points: number) => Promise<void>) | undefined;
};

/** An entity: its id in canonical form. */
export type Reference = { id: string };
