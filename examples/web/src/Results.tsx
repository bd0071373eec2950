import { useEffect, useState } from 'react';
import { Charts } from './Charts.tsx';
import { RetryButton } from './RetryButton.tsx';
import type { Sort } from './selection.ts';
import { sortRows } from './sortRows.ts';
import { TotalsTable } from './TotalsTable.tsx';
import { isRetryable, isUnanswered, type Row } from './totals.ts';
import type { useTotals } from './useTotals.ts';

type ResultsProps = { totals: ReturnType<typeof useTotals>; sort: Sort; onSort: (sort: Sort) => void };

export function Results({ totals: { rows, isReachable, refresh, retry }, sort, onSort }: ResultsProps) {
  const nowMs = useNow();
  const sorted = sortRows(rows, sort);
  return (
    <div className="results">
      <div className="toolbar">
        <p role="status" tabIndex={-1}>
          {summarise(rows)}
        </p>
        <RetryButton
          rows={rows.filter(isRetryable)}
          nowMs={nowMs}
          retry={retry}
          suffix=" all that may be had"
        />
        <button type="button" onClick={refresh}>
          Refresh
        </button>
      </div>
      {isReachable || (
        <p role="alert" className="notice">
          The gateway cannot be reached; it is asked again every few seconds. What numbers there are here are
          the last it gave.
        </p>
      )}
      <section aria-labelledby="charts">
        <h2 id="charts">Charts</h2>
        <Charts rows={sorted} />
      </section>
      <section aria-labelledby="table">
        <h2 id="table">Table</h2>
        <TotalsTable
          rows={sorted}
          nowMs={nowMs}
          isReachable={isReachable}
          retry={retry}
          sort={sort}
          onSort={onSort}
        />
      </section>
    </div>
  );
}

/** Changes only if there is something to announce. */
function summarise(rows: readonly Row[]): string {
  if (rows.length === 0) return 'Choose customers and entitlements.';
  const unanswered = rows.filter(isUnanswered);
  if (unanswered.some(({ isAsking }) => isAsking)) return `Asking for ${count(rows)} …`;
  if (unanswered.length > 0) return `No answer about ${count(unanswered)} yet.`;
  const failed = rows.filter(({ failure }) => failure !== undefined).length;
  const stale = rows.filter(({ total }) => total?.stale).length;
  const parts = [count(rows), failed > 0 && `${failed} failed`, stale > 0 && `${stale} stale`];
  return parts.filter(Boolean).join(', ');
}

function count({ length }: readonly Row[]): string {
  return length === 1 ? '1 total' : `${length} totals`;
}

function useNow(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
