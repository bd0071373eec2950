/** What must be known of an answer to give it again. */
export type Reuse = {
  operationName: string | null;
  /** How many totals it was asked for, one at least. */
  units: number;
  /** How many it holds. */
  totals: number;
  /** Until when it is as good as asking again, in milliseconds since the epoch. */
  untilMs: number;
  /** Whether anything in it was purged since. */
  isPurged: () => boolean;
};
