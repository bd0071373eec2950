import { useEffect, useMemo, useState } from 'react';
import { Results } from './Results.tsx';
import { SelectionForm } from './SelectionForm.tsx';
import { parseSelection, type Selection, toRequests, toSearch } from './selection.ts';
import { blame } from './totals.ts';
import { useTotals } from './useTotals.ts';

export function App() {
  const [selection, setSelection] = useState(() => parseSelection(location.search));
  useEffect(() => history.replaceState(null, '', toSearch(selection)), [selection]);
  const { customerIds, entitlementIds, from, to } = selection;
  const requests = useMemo(
    () => toRequests({ customerIds, entitlementIds, from, to }),
    [customerIds, entitlementIds, from, to],
  );
  const totals = useTotals(requests);
  const change = (part: Partial<Selection>) => setSelection((whole) => ({ ...whole, ...part }));
  return (
    <>
      <header>
        <h1>Entitlements</h1>
        <p>What each customer was granted, as the billing system has it.</p>
      </header>
      <main>
        <SelectionForm selection={selection} change={change} blamed={blame(totals.rows)} />
        <Results totals={totals} sort={selection.sort} onSort={(sort) => change({ sort })} />
      </main>
    </>
  );
}
