import { parseArgs } from 'node:util';
import { stopOnSignal } from '../../src/cli/startDemo.ts';
import { startWebDemo } from './startWebDemo.ts';

const { values } = parseArgs({ options: { port: { type: 'string' } } });
try {
  const { pageUrl, url, simulatorUrl, stop } = await startWebDemo({ port: values.port });
  stopOnSignal(stop);
  process.stdout.write(`
The page runs at ${pageUrl} in front of the gateway at ${url}/graphql and a simulated Zenskar at ${simulatorUrl}.
Make Zenskar fail while the page is open. Totals become stale when they are 30 s old:

curl -s ${simulatorUrl}/__behaviour -d '{"mode": "down"}'

Make Zenskar recover:

curl -s ${simulatorUrl}/__behaviour -d '{"mode": "ok"}'

This gateway executes only the operations of the page. For other queries use npm run demo. To develop the page:

GATEWAY_URL=${url} npm run dev --prefix examples/web

Stop it with Ctrl-C.
`);
} catch (error) {
  process.stderr.write(`The demo cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
