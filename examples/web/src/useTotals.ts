import { useEffect, useEffectEvent, useMemo, useReducer } from 'react';
import { askTotals } from './client.ts';
import type { TotalRequest } from './selection.ts';
import { initialState, isDue, isRetryable, isUnanswered, type Row, reduce, toRow } from './totals.ts';

const refreshMs = 10_000;
/** While somebody types a date or ticks boxes, it is not asked for yet. */
const settleMs = 200;
/** A stale number may be under way to the gateway; this much later it is worth another look. */
const anotherLookMs = 1000;

/** The totals of these requests, as current as the gateway has them while the page is visible. */
export function useTotals(requests: readonly TotalRequest[]) {
  const [{ rows: known, isReachable }, dispatch] = useReducer(reduce, initialState);
  const rows = useMemo(() => requests.map(toRow).map((row) => known.get(row.key) ?? row), [requests, known]);

  async function ask(wanted: readonly Row[]): Promise<boolean> {
    const asked = wanted.filter(({ isAsking }) => !isAsking);
    if (asked.length === 0) return false;
    dispatch({ type: 'asked', rows: asked });
    const answer = await askTotals(asked.map(({ request }) => request));
    dispatch({ type: 'answered', rows: asked, answer, nowMs: Date.now() });
    return answer?.totals.some((total) => total?.stale) ?? false;
  }

  const askForNew = useEffectEvent(() => ask(rows.filter(isUnanswered)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: other requests are what makes rows new
  useEffect(() => {
    const timer = setTimeout(askForNew, settleMs);
    return () => clearTimeout(timer);
  }, [requests]);

  const askForDue = useEffectEvent(() => ask(rows.filter((row) => isDue(row, Date.now()))));
  useEffect(() => repeatWhileVisible(askForDue), []);

  return {
    rows,
    isReachable,
    /** Asks for what was refused too, but for nothing before its time. */
    refresh: () => void ask(rows.filter((row) => !isRetryable(row) || isDue(row, Date.now()))),
    retry: (some: readonly Row[]) =>
      void ask(some.filter((row) => isRetryable(row) && isDue(row, Date.now()))),
  };
}

/** Returns how to stop it. */
function repeatWhileVisible(ask: () => Promise<boolean>): () => void {
  let anotherLook: ReturnType<typeof setTimeout> | undefined;
  const look = async () => {
    if (document.visibilityState !== 'visible') return;
    clearTimeout(anotherLook);
    if (await ask()) anotherLook = setTimeout(ask, anotherLookMs);
  };
  const timer = setInterval(look, refreshMs);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    clearTimeout(anotherLook);
    document.removeEventListener('visibilitychange', look);
  };
}
