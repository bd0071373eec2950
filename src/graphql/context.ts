import type { Span } from '../telemetry/tracing.ts';
import type { TotalLoader } from '../totals/loader.ts';
import type { LoadStats } from '../totals/stats.ts';

/** What one GraphQL request carries through its resolvers; made anew for each. */
export type Context = {
  requestId: string;
  span: Span;
  startedMs: number;
  totals: TotalLoader;
  stats: LoadStats;
  /** Takes further units of the caller's rate limit; rejects where there are too few. */
  charge: ((units: number) => Promise<void>) | undefined;
  outcome: Outcome;
  /** Aborted when the client has gone. */
  signal: AbortSignal;
};

/** What the plugins find out about an operation, each a part. */
export type Outcome = {
  operationName: string | null;
  /** How many totals were asked for, one at least. */
  units: number;
  hasErrors: boolean;
  /** By graphql-js, or by code that was made for the document. */
  execution: 'interpreted' | 'compiled';
};

/** What is known here of an entity: its id, in canonical form. */
export type Reference = { id: string };
