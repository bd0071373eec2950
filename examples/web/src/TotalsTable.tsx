import { nameOf } from './catalogue.ts';
import { toAge, toQuantity } from './format.ts';
import { RetryButton } from './RetryButton.tsx';
import { type Column, columns, type Sort } from './selection.ts';
import { isRetryable, type Row } from './totals.ts';
import { toWords } from './words.ts';

type TimedProps = { nowMs: number; isReachable: boolean; retry: (rows: readonly Row[]) => void };
type TableProps = TimedProps & { rows: readonly Row[]; sort: Sort; onSort: (sort: Sort) => void };

const headings: Readonly<Record<Column, string>> = {
  customer: 'Customer',
  entitlement: 'Entitlement',
  quantity: 'Quantity',
  age: 'Age',
  status: 'Status',
};

export function TotalsTable({ rows, sort, onSort, ...timed }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll a table that is wider than the page
    <section className="scrolling" aria-label="Totals, which scroll" tabIndex={0}>
      <table>
        <caption className="unseen">Totals by customer and entitlement</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <TotalRow key={row.key} row={row} {...timed} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

type HeadingProps = { column: Column; sort: Sort; onSort: (sort: Sort) => void };

function Heading({ column, sort, onSort }: HeadingProps) {
  const isSorted = sort.column === column;
  const isDescending = isSorted && sort.isDescending;
  return (
    <th
      scope="col"
      aria-sort={isSorted ? (isDescending ? 'descending' : 'ascending') : undefined}
      className={column}
    >
      <button type="button" onClick={() => onSort({ column, isDescending: isSorted && !isDescending })}>
        {headings[column]}
        <span aria-hidden="true">{isSorted ? (isDescending ? '▼' : '▲') : '△'}</span>
      </button>
    </th>
  );
}

function TotalRow({ row, ...timed }: TimedProps & { row: Row }) {
  const { request, total } = row;
  return (
    <tr>
      <th scope="row">{nameOf(request.customerId)}</th>
      <td>{nameOf(request.entitlementId)}</td>
      <td className={total?.quantity === null ? 'quantity hint' : 'quantity'}>
        {total === undefined ? '–' : toQuantity(total.quantity)}
      </td>
      <td className="age">{total && <time dateTime={total.asOf}>{toAge(total.asOf, timed.nowMs)}</time>}</td>
      <td className="status">
        <Status row={row} {...timed} />
      </td>
    </tr>
  );
}

function Status({ row, nowMs, isReachable, retry }: TimedProps & { row: Row }) {
  const { request, total, failure, isAsking } = row;
  const badge = total?.stale && <span className="badge">stale</span>;
  if (failure === undefined && total) return badge || (isReachable ? 'current' : 'last known');
  if (failure === undefined) return isAsking ? 'asking …' : 'no answer yet';
  const suffix = `: ${nameOf(request.customerId)}, ${nameOf(request.entitlementId)}`;
  return (
    <>
      {badge} <span className="problem">{toWords(failure.code)}</span>{' '}
      <RetryButton
        rows={[row].filter(isRetryable)}
        nowMs={nowMs}
        retry={retry}
        suffix={suffix}
        isSuffixUnseen
      />
    </>
  );
}
