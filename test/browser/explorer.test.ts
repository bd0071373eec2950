import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useGateway } from '../support/gateway.ts';
import { run } from '../support/process.ts';
import {
  findAccessibilityViolations,
  requestsToOtherOrigins,
  takeScreenshot,
  useBrowser,
  type Visit,
} from './browser.ts';

const browser = useBrowser();

const totalField =
  'customerEntitlementTotal(entitlementId: "3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d", customerId: "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d", startDate: 1767225600)';

/** Runs the query of the editor. GraphiQL reads the editor with a delay; until then its button sends no request. */
async function execute(page: Page) {
  for (;;) {
    const answered = page.waitForResponse((candidate) => candidate.request().method() === 'POST', {
      timeout: 1000,
    });
    await page.getByRole('button', { name: /^Execute query/ }).click();
    const response = await answered.catch(() => undefined);
    if (response !== undefined) return response.json();
  }
}

async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click();
  await page.locator('.graphiql-query-editor', { hasText: name }).waitFor();
}

describe('GraphiQL in the demo', () => {
  let demo: ReturnType<typeof run>;
  let url: string;
  let visit: Visit;

  beforeAll(async () => {
    demo = run(['src/cli/demo.ts', '--port', '0'], {});
    [, url = ''] = await demo.printed(/^The gateway runs at (\S+)\. /m);
    visit = await browser.open(url);
    await visit.page.getByRole('button', { name: /^Execute query/ }).waitFor();
  });
  afterAll(async () => {
    demo.signal('SIGTERM');
    expect(await demo.exited).toBe(0);
  });

  it('loads nothing from other origins and reports no errors', () => {
    expect(requestsToOtherOrigins(visit, url)).toEqual([]);
    expect(visit.requests.length).toBeGreaterThan(3);
    expect(visit.problems).toEqual([]);
  });

  it('shows the total of the first tab', async () => {
    const { data } = await execute(visit.page);
    expect(data.customerEntitlementTotal).toMatchObject({ quantity: 36_756, stale: false });
    await visit.page.getByText('36756').waitFor();
    await takeScreenshot(visit.page, 'explorer');
  });

  it('runs a query that the user types', async () => {
    const { page } = visit;
    await page.getByRole('button', { name: 'New tab' }).click();
    await page.locator('.graphiql-query-editor .view-lines').click();
    await page.keyboard.type(`query Typed { ${totalField} { quantity } }`);
    // GraphiQL reads the editor some time after the last key.
    await page.getByRole('button', { name: 'Typed', exact: true }).waitFor();
    const { data } = await execute(page);
    expect(data).toEqual({ customerEntitlementTotal: { quantity: expect.any(Number) } });
    await page.getByText(String(data.customerEntitlementTotal.quantity)).waitFor();
  });

  it('has tabs for fifty totals, for a rejected date and for entities', async () => {
    const { page } = visit;
    await openTab(page, 'FiftyTotals');
    const fiftyTotals = await execute(page);
    const quantities = fiftyTotals.data.customerEntitlementTotals.map(
      ({ quantity }: { quantity: number }) => quantity,
    );
    expect(new Set(quantities).size).toBe(50);

    await openTab(page, 'Refused');
    const rejected = await execute(page);
    expect(rejected.data.customerEntitlementTotals).toEqual([
      expect.objectContaining({ quantity: 36_756 }),
      null,
    ]);
    expect(rejected.errors[0].extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      validationErrors: [{ argument: 'startDate' }],
    });

    await openTab(page, 'Entities');
    const { data } = await execute(page);
    expect(data._entities).toEqual(
      Array.from({ length: 3 }, () => ({
        id: expect.any(String),
        entitlementTotal: { quantity: expect.any(Number) },
      })),
    );
  });

  it('has a tab for a total that is stale half a minute after the start', async () => {
    const { page } = visit;
    await openTab(page, 'Stale');
    let answer = await execute(page);
    while (!answer.data.customerEntitlementTotal.stale) {
      await page.waitForTimeout(1000);
      answer = await execute(page);
    }
    expect(answer).toEqual({
      data: {
        customerEntitlementTotal: { quantity: expect.any(Number), asOf: expect.any(String), stale: true },
      },
    });
    // Repeated failures do not affect the other tabs.
    for (let n = 0; n < 5; n += 1) expect(await execute(page)).toEqual(answer);
    await openTab(page, 'Typed');
    expect((await execute(page)).errors).toBeUndefined();
  });

  it('links to Apollo Sandbox, whose origin the gateway allows', async () => {
    const link = visit.page.getByRole('link', { name: 'Apollo Sandbox' });
    const sandbox = new URL((await link.getAttribute('href')) ?? '');
    expect(sandbox.searchParams.get('endpoint')).toBe(url);
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: sandbox.origin, 'access-control-request-method': 'POST' },
    };
    const { headers } = await fetch(url, preflight);
    expect(headers.get('access-control-allow-origin')).toBe(sandbox.origin);
  });

  it('restores the tabs after a reload', async () => {
    const { page } = visit;
    const names = () => page.locator('.graphiql-tab').allInnerTexts();
    const before = await names();
    await page.reload();
    await page.getByRole('button', { name: /^Execute query/ }).waitFor();
    expect(await names()).toEqual(before);
  });

  it('has no accessibility violations in light and dark mode', async () => {
    expect(await findAccessibilityViolations(visit.page)).toEqual([]);
    const dark = await browser.open(url, { colorScheme: 'dark' });
    await dark.page.getByRole('button', { name: /^Execute query/ }).waitFor();
    expect(await findAccessibilityViolations(dark.page)).toEqual([]);
    expect([...visit.problems, ...dark.problems]).toEqual([]);
  });
});

describe('Apollo Sandbox', () => {
  const gateway = useGateway({ GRAPHQL_EXPLORER: 'sandbox', GRAPHQL_INTROSPECTION: 'true' });

  it('loads only from origins that its content security policy allows', async () => {
    const visit = await browser.open(`${gateway.url}/graphql`);
    const policy = (await visit.page.locator('meta[http-equiv]').getAttribute('content')) ?? '';
    const origins = requestsToOtherOrigins(visit, gateway.url).map((url) => new URL(url).origin);
    expect(origins).toContain('https://embeddable-sandbox.cdn.apollographql.com');
    expect(origins.filter((origin) => !policy.includes(origin))).toEqual([]);
    // Offline, its requests fail, but its content security policy must not block any of them.
    expect(visit.problems.filter((problem) => /Content Security Policy/i.test(problem))).toEqual([]);
  });
});
