import { customerOf, entitlement, idOf } from '../support/ids.ts';
import { startGraph } from './graph.ts';
import { startHiveGateway } from './routers.ts';

const query = `{
  customers(ids: ["${idOf(1)}", "${idOf(2)}", "${customerOf('0422')}"]) {
    name
    entitlementTotal(entitlementId: "${entitlement}") {
      quantity
      asOf
      entitlement { name unit }
    }
  }
}`;

const graph = await startGraph();
const router = await startHiveGateway(graph.supergraph);
const body = JSON.stringify({ query: query.replaceAll(/\s+/g, ' ') });
process.stdout.write(`
Hive Gateway runs at ${router.url}, before three subgraphs: accounts, catalogue and entitlements, which is this gateway
before a simulated Zenskar. Ask it for customers with their names from one, units from another and totals from the third:

${query}

curl -s ${router.url} -H 'content-type: application/json' -d '${body}'

The third customer makes Zenskar refuse the request: its total is null, and the error says which argument to mend.
Stop it with Ctrl-C.
`);

let stopping = false;
const stop = async () => {
  if (stopping) process.exit(1);
  stopping = true;
  await router.stop();
  await graph.stop();
  process.exit(0);
};
process.on('SIGTERM', stop).on('SIGINT', stop);
