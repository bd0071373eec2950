import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { customers, entitlements, nameOf, ordinaryCustomers } from '../../examples/web/src/catalogue.ts';
import { parseSelection, type Selection, toSearch } from '../../examples/web/src/selection.ts';
import { customerOf, expectedQuantity } from '../support/ids.ts';
import { findAccessibilityViolations, requestsToOtherOrigins, useBrowser, type Visit } from './browser.ts';

const browser = useBrowser();
/** The milliseconds by which the gateway's time is ahead of real time. While they are 0, the ages of totals are exact. */
const aheadMs = new Float64Array(new SharedArrayBuffer(8));
const advance = (ms: number) => {
  aheadMs[0] = (aheadMs[0] ?? 0) + ms;
};
let demo: { pageUrl: string; simulatorUrl: string };
let worker: Worker;

beforeAll(async () => {
  // Vite's native modules do not work with the globals of Jest, so Vite runs in a worker.
  worker = new Worker(new URL('pageDemo.ts', import.meta.url), {
    workerData: aheadMs,
    env: {},
    execArgv: [],
  });
  [demo] = await once(worker, 'message');
});
beforeEach(() => behave({ mode: 'ok' }));
afterEach(async () => {
  for (const { page } of visits.splice(0)) await page.context().close();
});
afterAll(async () => {
  worker.postMessage('stop');
  expect(await once(worker, 'exit')).toEqual([0]);
});

async function behave(behaviour: object): Promise<void> {
  await fetch(`${demo.simulatorUrl}/__behaviour`, { method: 'POST', body: JSON.stringify(behaviour) });
}

const [first = '', second = '', third = ''] = ordinaryCustomers.map(({ id }) => id);
const visits: Visit[] = [];
const germany = { locale: 'en-US', timezoneId: 'Europe/Berlin' };

const toUrl = (part: Partial<Selection>) => `${demo.pageUrl}${toSearch({ ...parseSelection(''), ...part })}`;

/** Opens the page for one test. Cache entries, failures and pauses of earlier tests have expired after a month. */
async function open(part: Partial<Selection>, options: BrowserContextOptions = {}): Promise<Visit> {
  advance(31 * 86_400_000);
  const visit = await browser.open(toUrl(part), { ...germany, ...options });
  visits.push(visit);
  return visit;
}

/** Waits until the live region has this text. */
async function waitForSummary(page: Page, text: string): Promise<void> {
  await page.getByRole('status').getByText(text, { exact: true }).waitFor();
}

/** The texts of the table's cells. */
function readRows(page: Page): Promise<string[][]> {
  return page
    .locator('tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => [...(row as HTMLTableRowElement).cells].map((cell) => cell.innerText.trim())),
    );
}

const countRequests = ({ requests }: Visit) => requests.filter((url) => url.endsWith('/graphql')).length;

/** The customers in the next request. */
async function nextRequestedCustomers(page: Page): Promise<string[]> {
  const request = await page.waitForRequest('**/graphql');
  const { requests } = request.postDataJSON().variables as { requests: { customerId: string }[] };
  return [...new Set(requests.map(({ customerId }) => customerId))];
}

describe('the web page with a hundred totals', () => {
  let visit: Visit;
  beforeAll(async () => {
    const customerIds = ordinaryCustomers.map(({ id }) => id);
    visit = await browser.open(toUrl({ customerIds, from: '2026-03-01', to: '2026-03-31' }), germany);
    await waitForSummary(visit.page, '100 totals');
  });
  afterAll(() => visit.page.context().close());

  it('shows the right quantities after one request with an id of the safelist', async () => {
    const rows = await readRows(visit.page);
    expect(countRequests(visit)).toBe(1);
    // Clocks change within the window.
    const startDate = Date.parse('2026-03-01T00:00:00+01:00') / 1000;
    const endDate = Date.parse('2026-04-01T00:00:00+02:00') / 1000;
    const expected = ordinaryCustomers.flatMap((customer) =>
      entitlements.map((entitlement) => {
        const ids = { customerId: customer.id, entitlementId: entitlement.id };
        const quantity = expectedQuantity({ ...ids, startDate, endDate }).toLocaleString('en-US');
        return [customer.name, entitlement.name, quantity, expect.stringMatching(/^\d+ s ago$/), 'current'];
      }),
    );
    expect(rows).toEqual(expected);

    const asked = visit.page.waitForRequest('**/graphql');
    await visit.page.reload();
    const body = (await asked).postDataJSON();
    const manifest = new URL('../../examples/web/persisted-query-manifest.json', import.meta.url);
    const [{ id: sha256Hash }] = JSON.parse(readFileSync(manifest, 'utf8')).operations;
    expect(body).toEqual({
      operationName: 'Totals',
      variables: { requests: expect.any(Array) },
      extensions: expect.objectContaining({ persistedQuery: { version: 1, sha256Hash } }),
    });
    await waitForSummary(visit.page, '100 totals');
  });

  it('updates the age of each total every second', async () => {
    const age = visit.page.locator('tbody .age').first();
    const seconds = async () => Number.parseInt(await age.innerText(), 10);
    const before = await seconds();
    await visit.page.waitForTimeout(2100);
    expect(await seconds()).toBeGreaterThan(before);
  });

  it('sorts by any column and sets aria-sort', async () => {
    const { page } = visit;
    const sorted = page.locator('th[aria-sort]');
    const quantities = async () => (await readRows(page)).map(([, , quantity = '']) => toNumber(quantity));
    const toNumber = (text: string) => Number(text.replaceAll(',', ''));
    const ascending = (await quantities()).sort((one, other) => one - other);
    const button = page.getByRole('button', { name: 'Quantity' });
    for (const [direction, expected] of [
      ['ascending', ascending],
      ['descending', ascending.toReversed()],
    ] as const) {
      await button.press('Enter');
      expect(await quantities()).toEqual(expected);
      expect(await sorted.getAttribute('aria-sort')).toBe(direction);
    }
    await page.getByRole('button', { name: 'Entitlement', exact: true }).click();
    expect((await readRows(page)).slice(0, 20).map(([, name]) => name)).toEqual(Array(20).fill('API calls'));
    expect(await sorted.count()).toBe(1);
  });

  it('draws a bar for each total, relative to the largest total', async () => {
    const charts = visit.page.getByRole('img');
    expect(await charts.count()).toBe(5);
    const widths = await charts
      .first()
      .locator('b')
      .evaluateAll((bars) => bars.map((bar) => Number.parseFloat((bar as HTMLElement).style.inlineSize)));
    expect(widths).toHaveLength(20);
    expect(Math.max(...widths)).toBe(100);
  });

  it('loads less than 200 kB of scripts, and nothing from other origins', async () => {
    const scripts = visit.requests.filter((url) => url.endsWith('.js'));
    const sizes = [...new Set(scripts)].map(
      async (url) => gzipSync(await (await fetch(url)).arrayBuffer()).length,
    );
    const size = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
    expect(size).toBeGreaterThan(10_000);
    expect(size).toBeLessThan(200_000);
    expect(requestsToOtherOrigins(visit, demo.pageUrl)).toEqual([]);
    expect(visit.problems).toEqual([]);
  });
});

describe('the web page with failed totals', () => {
  /** The first sentence of each status, each once. */
  async function statuses(page: Page): Promise<string[]> {
    const rows = await readRows(page);
    return [...new Set(rows.map(([, , , , status = '']) => status.split('.')[0] ?? ''))];
  }

  it('marks the field of a rejected date and offers no retry', async () => {
    const { page, problems } = await open({ customerIds: [first, customerOf('0422')], from: '2026-01-01' });
    await waitForSummary(page, '10 totals, 5 failed');
    expect(await statuses(page)).toEqual(['current', 'Something in the form is not accepted']);
    const from = page.getByLabel('From');
    expect(await from.getAttribute('aria-invalid')).toBe('true');
    const described = page.locator(`#${await from.getAttribute('aria-describedby')}`);
    expect(await described.innerText()).toBe('The start of the window is not accepted for 5 totals.');
    expect(await page.getByLabel('To', { exact: true }).getAttribute('aria-invalid')).toBe('false');
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    expect(await page.locator('body').innerText()).not.toMatch(/Zenskar|Input should be/);

    await page.getByLabel(nameOf(customerOf('0422'))).uncheck();
    await waitForSummary(page, '5 totals');
    expect(await from.getAttribute('aria-invalid')).toBe('false');
    expect(problems).toEqual([]);
  });

  it('marks the start of a window that ends before it starts', async () => {
    const { page } = await open({ customerIds: [first], from: '2026-02-01', to: '2026-01-01' });
    await waitForSummary(page, '5 totals, 5 failed');
    expect(await page.getByLabel('From').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('To', { exact: true }).fill('2026-02-01');
    await waitForSummary(page, '5 totals');
  });

  it('marks a date that is out of range and keeps the totals of the previous window', async () => {
    const { page } = await open({ customerIds: [first], from: '2026-01-01' });
    await waitForSummary(page, '5 totals');
    const before = await readRows(page);
    const from = page.getByLabel('From');
    for (const odd of ['2040-01-01', '0001-01-01']) {
      await from.fill(odd);
      expect(await from.getAttribute('aria-invalid')).toBe('true');
      const described = page.locator(`#${await from.getAttribute('aria-describedby')}`);
      expect(await described.innerText()).toMatch(/^Not a day from 2000 to 2037/);
      expect((await readRows(page)).map(([, , quantity]) => quantity)).toEqual(
        before.map(([, , quantity]) => quantity),
      );
      expect(parseSelection(new URL(page.url()).search).from).toBe('2026-01-01');
    }
    await from.fill('2026-02-01');
    expect(await from.getAttribute('aria-invalid')).toBe('false');
    await page.waitForURL(/from=2026-02-01/);
  });

  it('shows texts for an unknown customer and for a missing quantity', async () => {
    const { page, problems } = await open({ customerIds: [customerOf('0404'), customerOf('0200')] });
    await waitForSummary(page, '10 totals, 5 failed');
    const quantities = (await readRows(page)).map(([name, , quantity, , status]) => [name, quantity, status]);
    expect(new Set(quantities.map(String))).toEqual(
      new Set([
        'Unknown (404),–,There is no such customer or entitlement.',
        'No quantity,not stated,current',
      ]),
    );
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    expect(problems).toEqual([]);
  });

  it('marks the checkboxes of a rejected customer and a rejected entitlement', async () => {
    const { page } = await open({ customerIds: [first, second] });
    await waitForSummary(page, '10 totals');
    const errors = ['customerId', 'entitlementId'].map((argument, index) => ({
      path: ['customerEntitlementTotals', index],
      message: 'secret',
      extensions: { code: 'BAD_USER_INPUT', retryable: false, validationErrors: [{ argument }] },
    }));
    const answer = { data: { customerEntitlementTotals: Array(10).fill(null) }, errors };
    await page.route('**/graphql', (route) => route.fulfill({ json: answer }));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await waitForSummary(page, '10 totals, 10 failed');
    const marked = page.locator('input[aria-invalid=true]');
    const described = await marked.evaluateAll((boxes) =>
      boxes.map((box) => {
        const id = box.getAttribute('aria-describedby') ?? '';
        return [box.parentElement?.textContent, document.getElementById(id)?.textContent];
      }),
    );
    expect(described).toEqual([
      [entitlements[1]?.name, 'An entitlement is not accepted for 1 total.'],
      ['Customer A', 'A customer is not accepted for 1 total.'],
    ]);
    expect(await findAccessibilityViolations(page)).toEqual([]);
    expect(await page.locator('body').innerText()).not.toContain('secret');
  });

  it('asks the user to sign in again after an UNAUTHENTICATED response', async () => {
    const { page } = await open({ customerIds: [first] });
    await waitForSummary(page, '5 totals');
    const answer = {
      errors: [{ message: 'Who?', extensions: { code: 'UNAUTHENTICATED', retryable: false } }],
    };
    await page.route('**/graphql', (route) => route.fulfill({ status: 401, json: answer }));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await waitForSummary(page, '5 totals, 5 failed');
    expect(await statuses(page)).toEqual(['Please sign in again']);
  });

  it('retries only the rate-limited totals, and only after their retry time', async () => {
    const customerIds = [first, customerOf('0404'), customerOf('0429')];
    const visit = await open({ customerIds });
    const { page } = visit;
    const all = page.getByRole('button', { name: 'Try again all that may be had' });
    await page.getByText(/^Try again all that may be had in \d s$/).waitFor();
    expect(await all.getAttribute('aria-disabled')).toBe('true');
    expect(await statuses(page)).toEqual([
      'current',
      'The billing system is busy',
      'There is no such customer or entitlement',
    ]);
    const before = countRequests(visit);
    await all.click({ force: true });
    await page.locator('[aria-disabled="false"]', { hasText: 'all that may be had' }).waitFor();
    expect(countRequests(visit)).toBe(before);
    const asked = nextRequestedCustomers(page);
    await all.press('Enter');
    expect(await asked).toEqual([customerOf('0429')]);
    expect(countRequests(visit)).toBe(before + 1);
    expect(await all.evaluate((button) => button === document.activeElement)).toBe(true);
    expect(visit.problems).toEqual([]);
  });

  it('shows the totals after a retry once the upstream has recovered', async () => {
    await behave({ mode: 'down' });
    const { page, problems } = await open({ customerIds: [first, second] });
    await waitForSummary(page, '10 totals, 10 failed');
    expect(await statuses(page)).toEqual(['The billing system cannot be reached']);
    await behave({ mode: 'ok' });
    advance(60_000);
    const one = page.getByRole('row', { name: 'Customer B Seats' }).getByRole('button');
    await page.locator('tr', { hasText: 'Customer BSeats' }).locator('[aria-disabled="false"]').waitFor();
    const asked = nextRequestedCustomers(page);
    await one.click();
    expect(await asked).toEqual([second]);
    await waitForSummary(page, '10 totals, 9 failed');
    await page.locator('.toolbar [aria-disabled="false"]').press('Enter');
    await waitForSummary(page, '10 totals');
    // The button has disappeared; the focus has moved to the status line.
    expect(await page.getByRole('status').evaluate((line) => line === document.activeElement)).toBe(true);
    expect(problems).toEqual([]);
  });
});

describe('the open web page', () => {
  it('keeps its totals and marks them as stale while the upstream is down', async () => {
    const { page, problems } = await open({ customerIds: [first, second, third] });
    await waitForSummary(page, '15 totals');
    const numbers = async () => (await readRows(page)).map(([, , quantity]) => quantity);
    const before = await numbers();
    advance(31_000);
    await behave({ mode: 'down' });
    await waitForSummary(page, '15 totals, 15 stale');
    expect(await numbers()).toEqual(before);
    expect(await page.locator('.badge').allInnerTexts()).toEqual(Array(15).fill('stale'));

    await behave({ mode: 'ok' });
    advance(10_000);
    await waitForSummary(page, '15 totals');
    expect(await numbers()).toEqual(before);
    expect(await page.locator('.badge').count()).toBe(0);
    expect(problems).toEqual([]);
  });

  it('refreshes stale totals after a second', async () => {
    const { page } = await open({ customerIds: [first] });
    await waitForSummary(page, '5 totals');
    advance(31_000);
    await page.reload();
    await waitForSummary(page, '5 totals, 5 stale');
    // Long before the regular refresh.
    await page.getByRole('status').getByText('5 totals', { exact: true }).waitFor({ timeout: 5000 });
  });

  it('keeps its totals after a response that is not from the gateway', async () => {
    const { page } = await open({ customerIds: [first] });
    await waitForSummary(page, '5 totals');
    const body = JSON.stringify({ title: 'Bad request', errors: { query: ['refused'] } });
    await page.route('**/graphql', (route) =>
      route.fulfill({ status: 400, contentType: 'application/json', body }),
    );
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    expect(new Set((await readRows(page)).map(([, , , , status]) => status))).toEqual(
      new Set(['last known']),
    );
  });

  it('keeps its totals while the gateway cannot be reached', async () => {
    const { page } = await open({ customerIds: [first] });
    await waitForSummary(page, '5 totals');
    const before = (await readRows(page)).map(([, , quantity]) => quantity);
    await page.route('**/graphql', (route) => route.abort());
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    expect((await readRows(page)).map(([, , quantity]) => quantity)).toEqual(before);
    await page.unroute('**/graphql');
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
  });

  it('refreshes its totals every ten seconds, except rejected ones, and only while it is visible', async () => {
    const visit = await open({ customerIds: [first, customerOf('0404')] });
    const { page } = visit;
    await page.clock.install();
    await page.reload();
    await waitForSummary(page, '10 totals, 5 failed');
    const asked = nextRequestedCustomers(page);
    await page.clock.fastForward(10_000);
    expect(await asked).toEqual([first]);

    await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { value: 'hidden' }));
    const before = countRequests(visit);
    await page.clock.fastForward(60_000);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.waitForTimeout(100);
    expect(countRequests(visit)).toBe(before + 1);
  });
});

describe('the URL of the web page', () => {
  it('stores the selection', async () => {
    const { page } = await browser.open(demo.pageUrl, germany);
    await page.getByLabel('Customer T').check();
    await page.getByRole('checkbox', { name: 'Seats' }).uncheck();
    await page.getByLabel('From').fill('2026-01-01');
    await page.getByLabel('To', { exact: true }).fill('2026-01-31');
    await page.getByRole('button', { name: 'Age' }).click();
    await waitForSummary(page, '20 totals');
    const chosen = parseSelection(new URL(page.url()).search);
    const initialSelection = parseSelection('');
    expect(chosen).toEqual({
      customerIds: [...initialSelection.customerIds, customers.find(({ name }) => name === 'Customer T')?.id],
      entitlementIds: initialSelection.entitlementIds.filter((id) => nameOf(id) !== 'Seats'),
      from: '2026-01-01',
      to: '2026-01-31',
      sort: { column: 'age', isDescending: false },
    });
    const checked = () => page.locator('input:checked').count();
    expect(await checked()).toBe(9);
    await page.reload();
    await waitForSummary(page, '20 totals');
    expect(await checked()).toBe(9);
    expect(await page.getByLabel('From').inputValue()).toBe('2026-01-01');
    expect(await page.locator('th[aria-sort=ascending]').innerText()).toContain('Age');
  });

  it('may contain invalid values', async () => {
    const { page, problems } = await browser.open(
      `${demo.pageUrl}?customers=%00&from=1&sort=__proto__`,
      germany,
    );
    await waitForSummary(page, '20 totals');
    expect(problems).toEqual([]);
  });
});

describe('the web page', () => {
  const customerIds = [first, ...['0422', '0404', '0429', '0200'].map(customerOf)];

  it.each(['light', 'dark'] as const)('has no accessibility violations in %s mode', async (colorScheme) => {
    const { page, problems } = await open({ customerIds }, { colorScheme });
    await waitForSummary(page, '25 totals, 15 failed');
    await page.getByText('Try again all that may be had').waitFor();
    expect(await findAccessibilityViolations(page)).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('fits a narrow screen, without accessibility violations', async () => {
    const { page } = await open({ customerIds }, { viewport: { width: 360, height: 740 } });
    await waitForSummary(page, '25 totals, 15 failed');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const region = page.getByRole('region', { name: 'Totals, which scroll' });
    await region.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('.scrolling')?.scrollLeft !== 0);
    expect(await findAccessibilityViolations(page)).toEqual([]);
  });

  it('can be used by keyboard, with a visible focus', async () => {
    const { page } = await open({ customerIds: [first] });
    await waitForSummary(page, '5 totals');
    const outline = () =>
      page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
    await page.getByLabel('To', { exact: true }).focus();
    for (let n = 0; n < 8; n += 1) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate(() => document.activeElement?.textContent)) === 'All Entitlements') break;
    }
    expect(await outline()).toBe('solid');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitForSummary(page, 'Choose customers and entitlements.');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await waitForSummary(page, '1 total');
  });
});
