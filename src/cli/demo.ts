import { parseArgs } from 'node:util';
import { createApp } from '../app.ts';
import { type Config, parseConfig } from '../config.ts';
import { createSimulator } from '../simulator/simulator.ts';

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const customerId = '9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d';
const query = `{
  customerEntitlementTotal(
    entitlementId: "${entitlementId}"
    customerId: "${customerId}"
  ) { quantity asOf stale }
}`;

const { values } = parseArgs({ options: { port: { type: 'string' } } });
const simulator = createSimulator();
const simulatorUrl = await simulator.start('127.0.0.1', 0);
try {
  const { app, url } = await startGateway(values.port);
  print(url);
  stopOnSignal(async () => {
    await app.stop();
    await simulator.stop();
  });
} catch (error) {
  process.stderr.write(`The demo cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(1);
    stopping = true;
    void stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

/** On the usual port, or on a free one where that is taken; a port that was asked for must be free. */
async function startGateway(port: string | undefined) {
  const app = await createApp(createConfig(port ?? '4000'));
  try {
    return { app, ...(await app.start()) };
  } catch (error) {
    await app.stop();
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (port !== undefined || !isTaken) throw error;
    const elsewhere = await createApp(createConfig('0'));
    return { app: elsewhere, ...(await elsewhere.start()) };
  }
}

function createConfig(port: string): Config {
  const environment = {
    PORT: port,
    ADMIN_PORT: '0',
    ZENSKAR_URL: simulatorUrl,
    ZENSKAR_API_KEY: 'demo-api-key',
    ZENSKAR_ORGANISATION: 'demo-organisation',
    GRAPHQL_EXPLORER: 'sandbox',
    GRAPHQL_INTROSPECTION: 'true',
    LOG_LEVEL: 'warn',
  };
  const parsed = parseConfig(environment, () => '');
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

function print(gatewayUrl: string): void {
  const body = JSON.stringify({ query: query.replaceAll(/\s+/g, ' ') });
  process.stdout.write(`
The gateway runs at ${gatewayUrl}/graphql, before a simulated Zenskar at ${simulatorUrl}.
Open it in a browser for Apollo Sandbox (which loads from the internet), or ask it:

${query}

curl -s ${gatewayUrl}/graphql -H 'content-type: application/json' -d '${body}'

Stop it with Ctrl-C.
`);
}
