import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';
import type { Overrides } from '../../src/app.ts';
import { type Demo, startDemo } from '../../src/cli/startDemo.ts';

type WebDemoOptions = {
  /** Port of the page. Undefined for 5173 or the next free port; an explicit port must be free. */
  port: string | undefined;
  /** Port of the gateway. Undefined for 4000 or a free port. */
  gatewayPort?: string;
  overrides?: Overrides;
};

const root = fileURLToPath(new URL('.', import.meta.url));
const environment = { GRAPHQL_SAFELIST: `${root}persisted-query-manifest.json` };

/** Builds and serves the page, with a gateway that executes only its operations and a simulated Zenskar. */
export async function startWebDemo({
  port,
  gatewayPort,
  overrides,
}: WebDemoOptions): Promise<Demo & { pageUrl: string }> {
  await build({ root, logLevel: 'warn' });
  const demo = await startDemo({ port: gatewayPort, environment, overrides });
  try {
    const page = await servePage(port, demo.url);
    const stop = async () => {
      await page.stop();
      await demo.stop();
    };
    return { ...demo, pageUrl: page.url, stop };
  } catch (error) {
    await demo.stop();
    throw error;
  }
}

async function servePage(port: string | undefined, gatewayUrl: string) {
  const listeners = process.listeners('SIGTERM');
  const server = await preview({
    root,
    logLevel: 'warn',
    preview: {
      host: '127.0.0.1',
      port: Number(port ?? 5173),
      strictPort: port !== undefined,
      proxy: { '/graphql': gatewayUrl },
    },
  });
  // Vite's own listeners would end the process before the gateway has shut down.
  for (const listener of process.listeners('SIGTERM')) {
    if (!listeners.includes(listener)) process.off('SIGTERM', listener);
  }
  const [url] = server.resolvedUrls?.local ?? [];
  if (url === undefined) throw new Error('The page has no URL.');
  return { url, stop: () => server.close() };
}
