import type { Reuse } from '../reuse.ts';
import type { TotalSource } from '../totals/source.ts';
import type { Context } from './context.ts';

type Lifetime = { maxAgeMs: number; isPurged: ReturnType<TotalSource['watch']> };

/**
 * An answer is as good as asking again for as long as the oldest of its totals stays fresh. Not for a moment where
 * anything in it may be better the next time, or where it holds no total.
 */
export function toReuse({ outcome, stats }: Context, { maxAgeMs, isPurged }: Lifetime): Reuse | undefined {
  const { operationName, units, hasErrors } = outcome;
  const { totals, sources, oldestAsOfMs, isDoubtful } = stats;
  if (hasErrors || isDoubtful || sources.stale || sources.failed || totals.length === 0) return undefined;
  const untilMs = oldestAsOfMs + maxAgeMs;
  return { operationName, units, totals: totals.length, untilMs, isPurged: () => isPurged(totals) };
}
