import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { useBrowser } from './browser.ts';

const browser = useBrowser();

describe('the response to an oversized body', () => {
  const gateway = useGateway();

  it.each([3, 30])(
    'reaches a page in Chromium, 100 times for %d MB',
    async (megabytes) => {
      const { page } = await browser.open(`${gateway.url}/livez`);
      const statuses = await page.evaluate(async (length) => {
        const init = {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: ' '.repeat(length),
        };
        const found: (number | string)[] = [];
        for (let n = 0; n < 100; n += 1)
          found.push(
            await fetch('/graphql', init).then(
              ({ status }) => status,
              (error) => String(error),
            ),
          );
        return found;
      }, megabytes * 1_000_000);
      expect(statuses).toEqual(Array.from({ length: 100 }, () => 413));
    },
    300_000,
  );
});
