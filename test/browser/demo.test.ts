import { expect, it } from '@jest/globals';
import { run } from '../support/process.ts';
import { elsewhere, keepScreenshot, useBrowser } from './browser.ts';

const browser = useBrowser();

it('the demo of the page shows it, tells how to break its upstream, and stops', async () => {
  const demo = run(['examples/web/demo.ts', '--port', '0'], {});
  try {
    const [, url = ''] = await demo.printed(/^The page runs at (\S+)/m);
    const visit = await browser.open(url, { locale: 'en-US' });
    await visit.page.getByRole('status').getByText('20 totals', { exact: true }).waitFor();
    await keepScreenshot(visit.page, 'page');
    expect(elsewhere(visit, url)).toEqual([]);
    expect(visit.problems).toEqual([]);

    const [, behaviour = ''] = await demo.printed(/^curl .*?(http\S+__behaviour)/m);
    const down = await fetch(behaviour, { method: 'POST', body: JSON.stringify({ mode: 'down' }) });
    expect(down.ok).toBe(true);
  } finally {
    demo.signal('SIGTERM');
    expect(await demo.exited).toBe(0);
  }
});
