import { parseArgs } from 'node:util';
import { sandboxOrigin } from '../explorer/graphiql.ts';
import { staleTab } from '../explorer/tabs.ts';
import { startDemo, stopOnSignal } from './startDemo.ts';

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const customerId = '9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d';
const query = `{
  customerEntitlementTotal(
    entitlementId: "${entitlementId}"
    customerId: "${customerId}"
  ) { quantity asOf stale }
}`;
const environment = {
  GRAPHQL_EXPLORER: 'graphiql',
  GRAPHQL_INTROSPECTION: 'true',
  CORS_ORIGINS: sandboxOrigin,
};

const { values } = parseArgs({ options: { port: { type: 'string' } } });
try {
  const { url, adminUrl, simulatorUrl, stop } = await startDemo({ port: values.port, environment });
  stopOnSignal(stop);
  // Stores the total that the stale example of GraphiQL needs: the simulator answers it only once.
  await send(`${url}/graphql`, { ...staleTab, variables: JSON.parse(staleTab.variables) });
  print({ endpoint: `${url}/graphql`, metrics: `${adminUrl}/metrics`, simulatorUrl });
} catch (error) {
  process.stderr.write(`The demo cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

async function send(endpoint: string, operation: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(operation) });
  await response.arrayBuffer();
}

type Urls = { endpoint: string; metrics: string; simulatorUrl: string };

function print({ endpoint, metrics, simulatorUrl }: Urls): void {
  const body = JSON.stringify({ query: query.replaceAll(/\s+/g, ' ') });
  process.stdout.write(`
The gateway runs at ${endpoint}. It calls the Zenskar simulator at ${simulatorUrl}.
Open the URL in a browser for GraphiQL, which links to Apollo Sandbox (online), or send this query:

${query}

curl -s ${endpoint} -H 'content-type: application/json' -d '${body}'

Metrics: ${metrics}
Stop it with Ctrl-C.
`);
}
