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
Hive Gateway runs at ${router.url} in front of three subgraphs: accounts, catalogue and entitlements. The subgraph
entitlements is this gateway with a simulated Zenskar. This query reads names, units and totals from the three subgraphs:

${query}

curl -s ${router.url} -H 'content-type: application/json' -d '${body}'

Zenskar rejects the request for the third customer: its total is null, and the error names the argument to correct.
Stop it with Ctrl-C.
`);

let isStopping = false;
const stop = async () => {
  if (isStopping) process.exit(1);
  isStopping = true;
  await router.stop();
  await graph.stop();
  process.exit(0);
};
process.on('SIGTERM', stop).on('SIGINT', stop);
