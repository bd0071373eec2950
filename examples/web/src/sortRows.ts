import { nameOf } from './catalogue.ts';
import type { Column, Sort } from './selection.ts';
import type { Row } from './totals.ts';

const collator = new Intl.Collator(undefined, { numeric: true });

/** The sort key of each column; undefined comes last in both directions. */
const keyOf: Readonly<Record<Column, (row: Row) => string | number | undefined>> = {
  customer: ({ request }) => nameOf(request.customerId),
  entitlement: ({ request }) => nameOf(request.entitlementId),
  quantity: ({ total }) => total?.quantity ?? undefined,
  age: ({ total }) => (total === undefined ? undefined : -Date.parse(total.asOf)),
  status: ({ total, failure }) => {
    if (failure !== undefined) return `2 ${failure.code}`;
    return total === undefined ? undefined : `${total.stale ? 1 : 0}`;
  },
};

/** Returns a sorted copy. The sort is stable. */
export function sortRows(rows: readonly Row[], { column, isDescending }: Sort): Row[] {
  const sign = isDescending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: keyOf[column](row) }));
  return keyed.sort((one, other) => compare(one.key, other.key, sign)).map(({ row }) => row);
}

function compare(one: string | number | undefined, other: string | number | undefined, sign: number): number {
  if (one === undefined || other === undefined)
    return Number(one === undefined) - Number(other === undefined);
  if (typeof one === 'number' && typeof other === 'number') return sign * (one - other);
  return sign * collator.compare(String(one), String(other));
}
