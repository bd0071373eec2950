import { nameOf } from './catalogue.ts';
import { toQuantity } from './format.ts';
import type { Row } from './totals.ts';

/** One chart per entitlement, because units differ. The table has the same data as text. */
export function Charts({ rows }: { rows: readonly Row[] }) {
  const charts = [...Map.groupBy(rows, ({ request }) => request.entitlementId)];
  const sorted = charts.sort(([one], [other]) => nameOf(one).localeCompare(nameOf(other)));
  return (
    <div className="charts">
      {sorted.map(([entitlementId, own]) => (
        <figure key={entitlementId}>
          <figcaption>{nameOf(entitlementId)}</figcaption>
          <Bars name={nameOf(entitlementId)} rows={own} />
        </figure>
      ))}
    </div>
  );
}

function Bars({ name, rows }: { name: string; rows: readonly Row[] }) {
  const most = Math.max(1, ...rows.map(({ total }) => total?.quantity ?? 0));
  return (
    <div role="img" aria-label={`Bars of ${name} by customer; the table has the numbers.`} className="bars">
      {rows.map(({ key, request, total }) => (
        <div key={key} className={total?.stale ? 'bar stale' : 'bar'}>
          <span>{nameOf(request.customerId)}</span>
          <i>
            <b style={{ inlineSize: `${(100 * Math.max(0, total?.quantity ?? 0)) / most}%` }} />
          </i>
          <span className="number">{total === undefined ? '–' : toQuantity(total.quantity)}</span>
        </div>
      ))}
    </div>
  );
}
