import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createSimulator } from '../simulator/simulator.ts';

// For images: runs the gateway and one query against the simulator, so that Node fills the folder NODE_COMPILE_CACHE with
// compiled code. The argument is the uid of the user that will read the folder.

const query = `{ customerEntitlementTotal(
  entitlementId: "3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d", customerId: "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
) { quantity } }`;
const timeoutMs = 60_000;

// biome-ignore lint/style/noProcessEnv: the entry of a program; PATH is passed on to the gateway
const { NODE_COMPILE_CACHE: folder = '', PATH } = process.env;
const [, , readerUid = ''] = process.argv;
if (folder === '' || !/^\d+$/.test(readerUid)) throw new Error('Expected NODE_COMPILE_CACHE and a uid.');
const simulator = createSimulator();
const environment = {
  ZENSKAR_URL: await simulator.start('127.0.0.1', 0),
  ZENSKAR_API_KEY: 'any',
  ZENSKAR_ORGANISATION: 'any',
  PORT: '0',
  ADMIN_PORT: '0',
};
const gateway = spawn(process.execPath, [new URL('../main.ts', import.meta.url).pathname], {
  env: { PATH, NODE_COMPILE_CACHE: folder, ...environment },
  stdio: ['ignore', 'pipe', 'inherit'],
  timeout: timeoutMs,
});
const exited = once(gateway, 'exit');
try {
  for await (const line of createInterface(gateway.stdout)) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'started') await sendQuery(url);
  }
} finally {
  gateway.kill('SIGTERM');
  await simulator.stop();
}
const [code] = await exited;
if (code !== 0) throw new Error(`The gateway exited with code ${code}.`);
changeReader();

async function sendQuery(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
  });
  if (!(await response.text()).includes('"quantity":36756')) throw new Error('The response is wrong.');
  gateway.kill('SIGTERM');
}

/** Node reads a folder with the uid in its name, and creates it for its own user only. */
function changeReader(): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name.replace(/\d+$/, readerUid));
    renameSync(join(folder, name), path);
    chmodSync(path, 0o755);
    for (const file of readdirSync(path)) chmodSync(join(path, file), 0o644);
  }
}
