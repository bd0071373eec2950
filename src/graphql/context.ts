import type { TotalLoader } from '../totals/loader.ts';

/** What one GraphQL request carries through its resolvers; made anew for each. */
export type Context = {
  requestId: string;
  startedMs: number;
  totals: TotalLoader;
  /** Aborted when the client has gone. */
  signal: AbortSignal;
  /** Counts for the log. An object of its own, because Apollo copies the context. */
  counts: { upstreamCalls: number };
};
