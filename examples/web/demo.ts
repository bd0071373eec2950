import { parseArgs } from 'node:util';
import { stopOnSignal } from '../../src/cli/startDemo.ts';
import { startWebDemo } from './startWebDemo.ts';

const { values } = parseArgs({ options: { port: { type: 'string' } } });
try {
  const { pageUrl, url, simulatorUrl, stop } = await startWebDemo({ port: values.port });
  stopOnSignal(stop);
  process.stdout.write(`
The page runs at ${pageUrl} before the gateway at ${url}/graphql and a simulated Zenskar at ${simulatorUrl}.
Make Zenskar fail while the page is open, and its numbers are marked as stale once they are half a minute old:

curl -s ${simulatorUrl}/__behaviour -d '{"mode": "down"}'

and recover:

curl -s ${simulatorUrl}/__behaviour -d '{"mode": "ok"}'

This gateway runs the page's operations alone; for queries of your own there is npm run demo. To work on the page:

GATEWAY_URL=${url} npm run dev --prefix examples/web

Stop it with Ctrl-C.
`);
} catch (error) {
  process.stderr.write(`The demo cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
