import { existsSync, openSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createFifo, type Fifo } from '../support/fifo.ts';
import { findFreePort } from '../support/freePort.ts';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { customer, entitlement, totalQuery } from '../support/ids.ts';
import { type Process, residentMebibytes } from '../support/process.ts';

const gateways = useGatewayProcesses();

type Target = { url: string; adminUrl: string };
type Stdout = Fifo | number | undefined;

/** Gives the gateway its ports, as not every stdout can be read for them. */
async function start(stdout: Stdout, workers = 1): Promise<Target & { gateway: Process }> {
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const environment = {
    PORT: `${port}`,
    ADMIN_PORT: `${adminPort}`,
    WEB_CONCURRENCY: `${workers}`,
  };
  const gateway = gateways.start(environment, { stdout });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 5));
  return { gateway, url, adminUrl: `http://127.0.0.1:${adminPort}` };
}

/** One operation whose log line is long. */
async function ask({ url }: Target, requestId = 'r'.repeat(128)): Promise<void> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': requestId },
    body: JSON.stringify({
      query: totalQuery.replace('Total', `Total${'l'.repeat(123)}`),
      variables: { entitlementId: entitlement, customerId: customer },
    }),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toMatch(/"quantity":\d/);
}

async function readDropped({ adminUrl }: Target): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
}

/** At least 2,000 operations, and as many more as it takes until a line is dropped; gives their number. */
async function askUntilLinesAreDropped(target: Target): Promise<number> {
  for (let operations = 100; ; operations += 100) {
    await Promise.all(Array.from({ length: 100 }, () => ask(target)));
    for (const probe of ['/livez', '/readyz'])
      expect((await fetch(`${target.url}${probe}`)).status).toBe(200);
    if (operations >= 2000 && (await readDropped(target)) > 0) return operations;
  }
}

const lines = (gateway: Process) => gateway.output().split('\n').slice(0, -1);
const countOperations = (gateway: Process) =>
  lines(gateway).filter((line) => line.includes('"msg":"operationEnded"')).length;

describe('a gateway whose log has a reader that stopped reading', () => {
  it.each([
    ['pipe', 1],
    ['pipe', 2],
    ['socket', 1],
  ])(
    'answers operations and probes, drops lines and writes whole ones later: %s, %d process(es)',
    async (kind, workers) => {
      const { gateway, ...target } = await start(kind === 'pipe' ? createFifo() : undefined, workers);
      await gateway.printed(/"msg":"started"/);
      gateway.pauseReading();
      let operations = await askUntilLinesAreDropped(target);
      expect(residentMebibytes(gateway.pid)).toBeLessThan(300);

      gateway.resumeReading();
      do {
        await ask(target, 'after');
        operations += 1;
      } while (!gateway.output().includes('"requestId":"after"'));
      while (countOperations(gateway) + (await readDropped(target)) < operations) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const dropped = await readDropped(target);
      gateway.signal('SIGTERM');
      expect(await gateway.exited).toBe(0);
      await gateway.printed(/"listener":"main".*"msg":"drained"/);
      expect(countOperations(gateway) + dropped).toBe(operations);
      for (const line of lines(gateway)) expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
    },
    120_000,
  );

  it('ends with code 0', async () => {
    const { gateway, ...target } = await start(createFifo());
    gateway.pauseReading();
    await askUntilLinesAreDropped(target);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
  }, 120_000);

  it('keeps its other workers answering when one dies and another is started', async () => {
    const { gateway, ...target } = await start(createFifo(), 2);
    await gateway.printed(/("msg":"started"(.*\n)+.*){2}/);
    const [victim] = gateway.childPids();
    gateway.pauseReading();
    await askUntilLinesAreDropped(target);
    process.kill(Number(victim), 'SIGTERM');
    await until(() => !gateway.childPids().includes(Number(victim)));
    await until(() => gateway.childPids().length === 2);
    await askUntilLinesAreDropped(target);
  }, 120_000);
});

describe('a gateway whose log cannot be written', () => {
  it('answers operations and probes after the reader of its pipe has gone, and ends with code 0', async () => {
    const { gateway, ...target } = await start(createFifo());
    await gateway.printed(/"msg":"started"/);
    gateway.stopReading();
    await askUntilLinesAreDropped(target);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(gateway.output()).not.toContain('EPIPE');
  }, 120_000);

  // Only Linux has a device that is always full.
  const itWithFullDisk = existsSync('/dev/full') ? it : it.skip;
  itWithFullDisk(
    'answers operations and probes while the disk is full, and ends with code 0',
    async () => {
      const { gateway, ...target } = await start(openSync('/dev/full', 'w'));
      await askUntilLinesAreDropped(target);
      gateway.signal('SIGTERM');
      expect(await gateway.exited).toBe(0);
      expect(gateway.output()).toBe('');
    },
    120_000,
  );
});
