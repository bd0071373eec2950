import { useEffect, useEffectEvent, useMemo, useReducer, useRef } from 'react';
import { askTotals } from './client.ts';
import type { TotalRequest } from './selection.ts';
import { initialState, isDue, isOlderThan, isRetryable, type Row, reduce, toRow } from './totals.ts';

const refreshMs = 10_000;
/** Delay after a change of the form, so that typing sends no requests. */
const settleMs = 200;
/** Delay after a stale total, which the gateway is probably refreshing. */
const anotherLookMs = 1000;

/** The totals of these requests, refreshed while the page is visible. */
export function useTotals(requests: readonly TotalRequest[]) {
  const [{ rows: known, isReachable }, dispatch] = useReducer(reduce, initialState);
  const rows = useMemo(() => requests.map(toRow).map((row) => known.get(row.key) ?? row), [requests, known]);
  const anotherLook = useRef<ReturnType<typeof setTimeout>>(undefined);

  async function ask(wanted: readonly Row[], isLookingAgain = false): Promise<void> {
    const asked = wanted.filter(({ isAsking }) => !isAsking);
    if (asked.length === 0) return;
    clearTimeout(anotherLook.current);
    dispatch({ type: 'asked', rows: asked });
    const answer = await askTotals(asked.map(({ request }) => request));
    dispatch({ type: 'answered', rows: asked, answer, nowMs: Date.now() });
    if (isLookingAgain || !answer?.totals.some((total) => total?.stale)) return;
    anotherLook.current = setTimeout(() => askForDue(true), anotherLookMs);
  }

  const askForDue = useEffectEvent((isLookingAgain: boolean) => {
    if (document.visibilityState !== 'visible') return;
    void ask(
      rows.filter((row) => isDue(row, Date.now())),
      isLookingAgain,
    );
  });
  useEffect(() => repeatWhileVisible(() => askForDue(false)), []);
  useEffect(() => () => clearTimeout(anotherLook.current), []);

  const askForNew = useEffectEvent(() => {
    const nowMs = Date.now();
    void ask(rows.filter((row) => isDue(row, nowMs) && isOlderThan(row, refreshMs, nowMs)));
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are new when the requests change
  useEffect(() => {
    const timer = setTimeout(askForNew, settleMs);
    return () => clearTimeout(timer);
  }, [requests]);

  return {
    rows,
    isReachable,
    refresh: () => void ask(rows.filter((row) => isDue(row, Date.now()))),
    retry: (some: readonly Row[]) =>
      void ask(some.filter((row) => isRetryable(row) && isDue(row, Date.now()))),
  };
}

/** Returns a function that stops it. */
function repeatWhileVisible(ask: () => void): () => void {
  const timer = setInterval(ask, refreshMs);
  document.addEventListener('visibilitychange', ask);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', ask);
  };
}
