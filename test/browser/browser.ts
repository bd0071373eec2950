import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { source as axe } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** No network except this machine, and no background activity of Chromium. */
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

/** A page, with its requests and errors since it was opened. */
export type Visit = {
  page: Page;
  /** The URLs of its requests. */
  requests: string[];
  /** Errors in the console, and uncaught errors. */
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
    // URLs with other schemes, such as data: URLs of inlined images, cause no network requests.
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

/** The requests to other origins than that of `url`. */
export function requestsToOtherOrigins({ requests }: Visit, url: string): string[] {
  return requests.filter((request) => new URL(request).origin !== new URL(url).origin);
}

type Violation = { id: string; impact: string; nodes: { target: string[] }[] };

/** The serious and critical violations that axe finds in the page, as `rule: elements`. */
export async function findAccessibilityViolations(page: Page): Promise<string[]> {
  // Evaluated through the debugger, to which the content security policy of the page does not apply.
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
  // biome-ignore lint/style/noProcessEnv: finds a program on the PATH of the tests
  const { CHROMIUM, PATH = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const candidates = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const chromiumPath = [CHROMIUM, ...candidates].find((path) => path !== undefined && existsSync(path));
  if (chromiumPath === undefined)
    throw new Error('Chromium is not on the PATH. Install it, or set CHROMIUM to its path.');
  return chromiumPath;
}

/** Takes a screenshot, and saves it to the folder in SCREENSHOTS if that is set. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  // biome-ignore lint/style/noProcessEnv: the environment of the tests
  const { SCREENSHOTS } = process.env;
  const picture = await page.screenshot(SCREENSHOTS ? { path: join(SCREENSHOTS, `${name}.png`) } : {});
  expect(picture.length).toBeGreaterThan(10_000);
}
