import { createServer } from 'node:http';
import { simulatedQuantity } from '../src/simulator/behaviours.ts';

// Zenskar as fast as Node lets it be: no checks, no bookkeeping but a count. DELAY_MS makes it wait.
const { PORT = '0', DELAY_MS = '0' } = process.env;
const delayMs = Number(DELAY_MS);
let requests = 0;

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const url = request.url ?? '';
  if (url === '/__requests') {
    response.end(String(requests));
    return;
  }
  requests += 1;
  const [, , entitlementId = '', , customerId = ''] = url.split('/');
  const quantity = simulatedQuantity({ entitlementId, customerId, startDate: null, endDate: null });
  const body = `{"entitlement":"${entitlementId}","customer":"${customerId}","quantity":${quantity}}`;
  const answer = () =>
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  if (delayMs === 0) answer();
  else setTimeout(answer, delayMs);
});
server.listen(Number(PORT), '127.0.0.1');
