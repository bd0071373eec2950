/** Time in milliseconds. */
export type Clock = {
  /** Since the epoch, by the wall clock, which may jump: for times that others read or wrote. */
  now: () => number;
  /** Never goes back, and means nothing to others: for ages, deadlines, waits and durations. */
  monotonic: () => number;
};

export const systemClock: Clock = { now: Date.now, monotonic: () => Math.floor(performance.now()) };
