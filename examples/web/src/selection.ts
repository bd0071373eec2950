import { customers, type Entry, entitlements } from './catalogue.ts';
import { type Days, isDay, toWindow } from './window.ts';

export const columns = ['customer', 'entitlement', 'quantity', 'age', 'status'] as const;
export type Column = (typeof columns)[number];
export type Sort = { column: Column; isDescending: boolean };

/** The selection of the user. The URL contains all of it. */
export type Selection = Days & {
  customerIds: readonly string[];
  entitlementIds: readonly string[];
  sort: Sort;
};

export type TotalRequest = {
  customerId: string;
  entitlementId: string;
  startDate?: number;
  endDate?: number;
};

/** Parses the search part of a URL. Missing and invalid values get their defaults; an empty list stays empty. */
export function parseSelection(search: string): Selection {
  const params = new URLSearchParams(search);
  const all = entitlements.map(({ id }) => id);
  return {
    customerIds: parseIds(params.get('customers'), customers) ?? customers.slice(0, 4).map(({ id }) => id),
    entitlementIds: parseIds(params.get('entitlements'), entitlements) ?? all,
    from: parseDay(params.get('from')),
    to: parseDay(params.get('to')),
    sort: parseSort(params.get('sort') ?? ''),
  };
}

/** The inverse of `parseSelection`. */
export function toSearch({ customerIds, entitlementIds, from, to, sort }: Selection): string {
  const params = new URLSearchParams({
    customers: customerIds.join(' '),
    entitlements: entitlementIds.join(' '),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    sort: `${sort.isDescending ? '-' : ''}${sort.column}`,
  });
  return `?${params}`;
}

/** One request per customer and entitlement. By default the gateway accepts 1000 per operation (GRAPHQL_MAX_TOTALS). */
export function toRequests({
  customerIds,
  entitlementIds,
  from,
  to,
}: Omit<Selection, 'sort'>): TotalRequest[] {
  const window = toWindow({ from, to });
  return customerIds.flatMap((customerId) =>
    entitlementIds.map((entitlementId) => ({ customerId, entitlementId, ...window })),
  );
}

/** In the order of the catalogue, without unknown ids. */
function parseIds(text: string | null, entries: readonly Entry[]): string[] | undefined {
  if (text === null) return undefined;
  const chosen = new Set(text.split(' '));
  const ids = entries.map(({ id }) => id).filter((id) => chosen.has(id));
  return ids.length === 0 && text !== '' ? undefined : ids;
}

function parseDay(text: string | null): string | undefined {
  return text !== null && isDay(text) ? text : undefined;
}

function parseSort(text: string): Sort {
  const isDescending = text.startsWith('-');
  const column = columns.find((name) => name === text.slice(isDescending ? 1 : 0));
  return column === undefined ? { column: 'customer', isDescending: false } : { column, isDescending };
}
