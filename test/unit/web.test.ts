import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import {
  customers,
  entitlements,
  failingCustomers,
  ordinaryCustomers,
} from '../../examples/web/src/catalogue.ts';
import { toAge, toQuantity } from '../../examples/web/src/format.ts';
import { parseSelection, type Selection, toRequests, toSearch } from '../../examples/web/src/selection.ts';
import { sortRows } from '../../examples/web/src/sortRows.ts';
import {
  type Answer,
  blame,
  initialState,
  isDue,
  type Row,
  reduce,
  type State,
  type Total,
  toRow,
} from '../../examples/web/src/totals.ts';
import { isDay } from '../../examples/web/src/window.ts';
import { toWords } from '../../examples/web/src/words.ts';
import { errorCodes } from '../../src/errors.ts';

const idsOf = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

describe('a window of days', () => {
  /** The windows that the page computes for these days in this time zone. */
  function windowsIn(timeZone: string, days: readonly string[]): { startDate: number; endDate: number }[] {
    const program = `
      import { toWindow } from './examples/web/src/window.ts';
      const days = ${JSON.stringify(days)};
      process.stdout.write(JSON.stringify(days.map((day) => toWindow({ from: day, to: day }))));
    `;
    const root = new URL('../../', import.meta.url).pathname;
    const args = ['--input-type=module', '--eval', program];
    return JSON.parse(execFileSync(process.execPath, args, { cwd: root, env: { TZ: timeZone } }).toString());
  }

  it('starts and ends at midnight in the time zone', () => {
    const noon = (text: string) => Date.parse(text) / 1000;
    expect(windowsIn('Europe/Berlin', ['2026-01-31'])).toEqual([
      { startDate: noon('2026-01-31T00:00:00+01:00'), endDate: noon('2026-02-01T00:00:00+01:00') },
    ]);
    expect(windowsIn('Asia/Kathmandu', ['2024-02-29'])).toEqual([
      { startDate: noon('2024-02-29T00:00:00+05:45'), endDate: noon('2024-03-01T00:00:00+05:45') },
    ]);
  });

  it('is shorter or longer on days on which clocks change, also at midnight', () => {
    const hours = (timeZone: string, day: string) =>
      windowsIn(timeZone, [day]).map(({ startDate, endDate }) => (endDate - startDate) / 3600);
    expect(hours('Europe/Berlin', '2026-03-29')).toEqual([23]);
    expect(hours('Europe/Berlin', '2026-10-25')).toEqual([25]);
    expect(hours('America/New_York', '2026-03-08')).toEqual([23]);
    expect(hours('Australia/Lord_Howe', '2026-04-05')).toEqual([24.5]);
    // In Cairo clocks skip midnight on this day; in Havana midnight comes twice.
    expect(hours('Africa/Cairo', '2026-04-24')).toEqual([23]);
    expect(hours('America/Havana', '2026-11-01')).toEqual([25]);
  });

  it.each(['UTC', 'Europe/London', 'America/Santiago', 'Asia/Beirut', 'Pacific/Chatham', 'Pacific/Apia'])(
    'matches Temporal on each day of five years in %s',
    (timeZone) => {
      const first = Temporal.PlainDate.from('2023-01-01');
      const days = Array.from({ length: 5 * 365 }, (_, n) => first.add({ days: n }));
      const startOf = (day: Temporal.PlainDate) => day.toZonedDateTime(timeZone).epochMilliseconds / 1000;
      expect(windowsIn(timeZone, days.map(String))).toEqual(
        days.map((day) => ({ startDate: startOf(day), endDate: startOf(day.add({ days: 1 })) })),
      );
    },
  );

  it('accepts only days that exist and whose seconds fit a GraphQL Int', () => {
    const days = ['2026-01-31', '2024-02-29', '2000-01-01', '2037-12-31'];
    const invalidDays = [
      '',
      '2026-02-29',
      '2026-13-01',
      '2026-1-1',
      '0026-01-01',
      '1999-12-31',
      '2038-01-01',
      'x',
    ];
    expect([...days, ...invalidDays].filter(isDay)).toEqual(days);
  });
});

describe('a selection', () => {
  const selection: Selection = {
    customerIds: idsOf(customers),
    entitlementIds: idsOf(entitlements).slice(1, 3),
    from: '2026-01-01',
    to: undefined,
    sort: { column: 'quantity', isDescending: true },
  };

  it('survives a round trip through the URL', () => {
    const empty: Selection = { ...selection, customerIds: [], entitlementIds: [], to: '2026-01-31' };
    for (const one of [selection, empty]) expect(parseSelection(toSearch(one))).toEqual(one);
  });

  it('ignores invalid parts of the URL', () => {
    const initialSelection = parseSelection('');
    const wrong = '?customers=nobody&entitlements=0+1&from=2026-02-30&to=yesterday&sort=-mood&more=1';
    expect(parseSelection(wrong)).toEqual(initialSelection);
    const [one] = customers;
    expect(parseSelection(`?customers=nobody+${one?.id}`)).toEqual({
      ...initialSelection,
      customerIds: [one?.id],
    });
  });

  it('requests each customer with each entitlement, within its window if it has one', () => {
    const all = { customerIds: idsOf(ordinaryCustomers), entitlementIds: idsOf(entitlements) };
    expect(toRequests({ ...all, from: undefined, to: undefined })).toHaveLength(100);
    const startDate = new Date(2026, 0, 1).getTime() / 1000;
    expect(toRequests({ ...selection, customerIds: ['c'], entitlementIds: ['e'] })).toEqual([
      { customerId: 'c', entitlementId: 'e', startDate },
    ]);
  });
});

describe('the texts of the page', () => {
  it('are specific for each error code and general for unknown codes', () => {
    const general = toWords('SOMETHING_NEW');
    expect(Object.keys(errorCodes).filter((code) => toWords(code) === general)).toEqual([]);
    expect(['', 'toString', '__proto__'].map(toWords)).toEqual([general, general, general]);
  });

  it('show the age of a total in seconds, minutes, hours or days', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    const ages = [-5000, 12_000, 119_999, 120_000, 7_200_000, 172_800_000].map((age) =>
      toAge(new Date(now - age).toISOString(), now),
    );
    expect(ages).toEqual(['0 s ago', '12 s ago', '119 s ago', '2 min ago', '2 h ago', '2 d ago']);
  });

  it('show a null quantity as "not stated"', () => {
    expect([null, 0, 45.2].map(toQuantity)).toEqual(['not stated', '0', (45.2).toLocaleString()]);
  });
});

describe('the rows of the table', () => {
  const requests = failingCustomers.slice(0, 3).map(({ id }) => ({ customerId: id, entitlementId: 'e' }));
  const asked = requests.map(toRow);
  const total: Total = { quantity: 7, asOf: '2026-01-31T12:00:00.000Z', stale: false };
  const nowMs = 1_000_000;

  function settle(state: State, answer: Answer): State {
    return reduce(reduce(state, { type: 'asked', rows: asked }), {
      type: 'answered',
      rows: asked,
      answer,
      nowMs,
    });
  }
  const errorAt = (index: number, extensions: Readonly<Record<string, unknown>>) => ({
    path: ['customerEntitlementTotals', index],
    extensions,
  });
  const rowsOf = ({ rows }: State) => [...rows.values()];
  const answered = settle(initialState, { totals: [total, total, total], errors: [] });

  it('keep their total during a request and after a retryable failure, but not after a rejection', () => {
    const again = reduce(answered, { type: 'asked', rows: asked });
    expect(rowsOf(again)).toEqual(
      asked.map((row) => ({ ...row, total, isAsking: true, answeredAtMs: nowMs })),
    );
    const busy = { code: 'UPSTREAM_RATE_LIMITED', retryable: true, retryAfterSeconds: 2 };
    const rejected = {
      code: 'BAD_USER_INPUT',
      retryable: false,
      validationErrors: [{ argument: 'startDate' }, { argument: 'startDate' }, { argument: null }, {}],
    };
    const failed = settle(answered, {
      totals: [total, null, null],
      errors: [errorAt(1, busy), errorAt(2, rejected)],
    });
    const failures = [
      { code: 'UPSTREAM_RATE_LIMITED', retryable: true, retryAtMs: nowMs + 2000, arguments: [] },
      { code: 'BAD_USER_INPUT', retryable: false, retryAtMs: nowMs, arguments: ['startDate'] },
    ];
    const [first, second, third] = asked;
    const expected = [
      { ...first, total, answeredAtMs: nowMs },
      { ...second, total, answeredAtMs: nowMs, failure: failures[0] },
      { ...third, total: undefined, answeredAtMs: nowMs, failure: failures[1] },
    ];
    expect(rowsOf(failed)).toEqual(expected);
    expect(rowsOf(failed).map((row) => isDue(row, nowMs))).toEqual([true, false, false]);
    expect(rowsOf(failed).map((row) => isDue(row, nowMs + 2000))).toEqual([true, true, false]);
    expect([...blame(rowsOf(failed))]).toEqual([['startDate', [expected[2]]]]);
  });

  it('all fail if the operation fails, and none fails if the gateway is unreachable', () => {
    const limited = { code: 'RATE_LIMITED', retryable: true };
    const failed = settle(answered, { totals: [], errors: [{ extensions: limited }] });
    expect(rowsOf(failed).map(({ failure, total: kept }) => [failure?.code, kept])).toEqual(
      asked.map(() => ['RATE_LIMITED', total]),
    );
    expect(settle(answered, undefined)).toEqual({ rows: answered.rows, isReachable: false });
  });

  it('fail if the response contains neither their total nor their error', () => {
    const failed = settle(initialState, { totals: [total], errors: [] });
    expect(rowsOf(failed).map(({ failure }) => failure?.code)).toEqual([undefined, '', '']);
  });

  it('are sorted in both directions, with null quantities last', () => {
    const rows: Row[] = asked.map((row, n) => ({
      ...row,
      total: { ...total, quantity: [5, null, 9][n] ?? null },
    }));
    const order = (isDescending: boolean) =>
      sortRows(rows, { column: 'quantity', isDescending }).map((row) => row.total?.quantity);
    expect([order(false), order(true)]).toEqual([
      [5, 9, null],
      [9, 5, null],
    ]);
    const names = sortRows(rows, { column: 'customer', isDescending: true }).map(
      (row) => row.request.customerId,
    );
    expect(names).toEqual([1, 2, 0].map((n) => asked[n]?.request.customerId));
  });
});
