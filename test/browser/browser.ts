import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { source as axe } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** No network but this machine's own, and nothing that Chromium does of its own accord. */
const flags = [
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page and what it did since it was opened. */
export type Visit = {
  page: Page;
  /** URLs asked for. */
  requests: string[];
  /** What the console holds of errors, and errors that nobody caught. */
  problems: string[];
};

/** Chromium for the tests of one file. */
export function useBrowser() {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: findChromium(), args: flags });
  });
  afterAll(() => browser.close());

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const visit: Visit = { page, requests: [], problems: [] };
    // What a page makes of its own, such as an inlined picture, is asked of nobody.
    context.on('request', (request) => {
      if (/^(https?|wss?):/.test(request.url())) visit.requests.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') visit.problems.push(message.text());
    });
    page.on('pageerror', (error) => visit.problems.push(String(error)));
    await page.goto(url);
    return visit;
  }
  return { open };
}

/** Requests that went elsewhere than to the origin of `url`. */
export function elsewhere({ requests }: Visit, url: string): string[] {
  return requests.filter((request) => new URL(request).origin !== new URL(url).origin);
}

type Violation = { id: string; impact: string; nodes: { target: string[] }[] };

/** What axe finds in the page that is serious or worse, as `rule: elements`. */
export async function findBarriers(page: Page): Promise<string[]> {
  // By the debugger's way in, which a page's own policy does not close.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations;
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => {
      return `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`;
    });
}

function findChromium(): string {
  // biome-ignore lint/style/noProcessEnv: finds a program as a shell would
  const { CHROMIUM, PATH = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const candidates = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const found = [CHROMIUM, ...candidates].find((path) => path !== undefined && existsSync(path));
  if (found === undefined)
    throw new Error('No Chromium is on the PATH; install one, or name it in CHROMIUM.');
  return found;
}

/** Keeps what the page looks like for the README, where the environment says into which folder. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  // biome-ignore lint/style/noProcessEnv: set by whoever runs the tests
  const { SCREENSHOTS } = process.env;
  const picture = await page.screenshot(SCREENSHOTS ? { path: join(SCREENSHOTS, `${name}.png`) } : {});
  expect(picture.length).toBeGreaterThan(10_000);
}
