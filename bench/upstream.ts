import { createServer } from 'node:http';
import { simulatedQuantity } from '../src/simulator/behaviours.ts';

// Zenskar as fast as Node allows: no checks, and a count of requests. DELAY_MS delays each response.
const { PORT = '0', DELAY_MS = '0' } = process.env;
const delayMs = Number(DELAY_MS);
let requests = 0;

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const url = request.url ?? '';
  // A trace collector as well.
  if (request.method === 'POST') {
    request.resume().once('end', () => response.end());
    return;
  }
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
