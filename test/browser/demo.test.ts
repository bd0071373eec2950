import { expect, it } from '@jest/globals';
import { ordinaryCustomers } from '../../examples/web/src/catalogue.ts';
import { parseSelection, toSearch } from '../../examples/web/src/selection.ts';
import { customerOf } from '../support/ids.ts';
import { run } from '../support/process.ts';
import { requestsToOtherOrigins, takeScreenshot, useBrowser } from './browser.ts';

const browser = useBrowser();

it('the demo of the web page serves the page, prints a command that makes its upstream fail, and stops on SIGTERM', async () => {
  const demo = run(['examples/web/demo.ts', '--port', '0'], {});
  try {
    const [, url = ''] = await demo.printed(/^The page runs at (\S+)/m);
    const customerIds = [
      ...ordinaryCustomers.slice(0, 3).map(({ id }) => id),
      ...['0422', '0429'].map(customerOf),
    ];
    const search = toSearch({
      ...parseSelection(''),
      customerIds,
      from: '2026-01-01',
      sort: { column: 'status', isDescending: true },
    });
    const visit = await browser.open(`${url}${search}`, {
      locale: 'en-US',
      timezoneId: 'Europe/Berlin',
      viewport: { width: 1280, height: 900 },
    });
    await visit.page.getByRole('status').getByText('25 totals, 10 failed', { exact: true }).waitFor();
    await takeScreenshot(visit.page, 'page');
    expect(requestsToOtherOrigins(visit, url)).toEqual([]);
    expect(visit.problems).toEqual([]);

    const [, behaviour = ''] = await demo.printed(/^curl .*?(http\S+__behaviour)/m);
    const down = await fetch(behaviour, { method: 'POST', body: JSON.stringify({ mode: 'down' }) });
    expect(down.ok).toBe(true);
  } finally {
    demo.signal('SIGTERM');
    expect(await demo.exited).toBe(0);
  }
});
