import { Session } from 'node:inspector/promises';
import { createApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';

// Prints the files of src/ of which a function runs while one cold total is answered, one per line, sorted.

const source = new URL('../../src/', import.meta.url).href;
const query = `{ customerEntitlementTotal(
  entitlementId: "3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d", customerId: "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
) { quantity } }`;

const simulator = createSimulator();
const environment = {
  ZENSKAR_URL: await simulator.start('127.0.0.1', 0),
  ZENSKAR_API_KEY: 'key',
  ZENSKAR_ORGANISATION: 'organisation',
  PORT: '0',
  ADMIN_PORT: '0',
};
const parsed = parseConfig(environment, () => '');
if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
const app = await createApp(parsed.config, { logDestination: { write: () => true } });
const { url } = await app.start();

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
const response = await fetch(`${url}/graphql`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});
if (!/"quantity":\d/.test(await response.text())) throw new Error('The gateway did not answer with a total.');
const { result } = await session.post('Profiler.takePreciseCoverage');
session.disconnect();

const files = result
  .filter(
    ({ url, functions }) =>
      url.startsWith(source) && functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)),
  )
  .map(({ url }) => url.slice(source.length))
  .filter((file) => !file.startsWith('simulator/'))
  .sort();
process.stdout.write(`${files.join('\n')}\n`);
await app.stop();
await simulator.stop();
