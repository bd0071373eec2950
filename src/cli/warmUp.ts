import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createSimulator } from '../simulator/simulator.ts';

// Runs the gateway once, from its start to its end, before a simulated Zenskar: what Node and V8 make of its code is then kept in
// the folder that NODE_COMPILE_CACHE names. Meant for images, which cannot be written to where they run.

const query = `{ customerEntitlementTotal(
  entitlementId: "3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d", customerId: "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
) { quantity } }`;

const simulator = createSimulator();
const environment = {
  ZENSKAR_URL: await simulator.start('127.0.0.1', 0),
  ZENSKAR_API_KEY: 'any',
  ZENSKAR_ORGANISATION: 'any',
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
};
const main = new URL('../main.ts', import.meta.url).pathname;
const gateway = spawn(process.execPath, [main], {
  // biome-ignore lint/style/noProcessEnv: the entry of a program; the other is run as this one was
  env: { ...process.env, ...environment },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const exited = once(gateway, 'exit');
for await (const line of createInterface(gateway.stdout)) {
  const { msg, url } = JSON.parse(line);
  if (msg !== 'started') continue;
  const headers = { 'content-type': 'application/json' };
  await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  gateway.kill('SIGTERM');
}
const [code] = await exited;
await simulator.stop();
process.exitCode = code ?? 1;
