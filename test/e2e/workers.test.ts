import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { customer, customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { checkMetrics, describeWithPromtool } from '../support/promtool.ts';

const gateways = useGatewayProcesses();

async function start(environment: Record<string, string> = {}) {
  const gateway = gateways.start({
    WEB_CONCURRENCY: '2',
    UPSTREAM_RETRIES: '0',
    ...environment,
  });
  const [, url = ''] = await gateway.printed(
    /"msg":"started".*\n(?:.*\n)*.*"url":"([^"]+)".*"msg":"started"/,
  );
  const ask = (customerId: string) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      // One connection per request, so that the workers take turns.
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
  return { gateway, url, ask };
}

describe('a gateway of two workers', () => {
  it('answers from both workers, each with its own cache', async () => {
    const { gateway, ask } = await start();
    gateways.simulator.requests = 0;
    for (let n = 0; n < 20; n += 1) expect((await ask(customer)).status).toBe(200);
    expect(gateways.simulator.requests).toBe(2);
    expect(gateway.childPids()).toHaveLength(2);
  });

  it('on SIGTERM answers the requests in flight of all workers and exits with 0', async () => {
    const { gateway, ask } = await start();
    gateways.simulator.requests = 0;
    const slow = Array.from({ length: 6 }, (_, n) => ask(customerOf(`d1f${n}`)));
    await until(() => gateways.simulator.requests === 6);
    gateway.signal('SIGTERM');
    for (const answer of await Promise.all(slow)) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toMatch(/"quantity":\d/);
    }
    expect(await gateway.exited).toBe(0);
    expect(gateway.output().match(/"listener":"main",[^\n]*"msg":"drained"/g)).toHaveLength(2);
  });

  it('continues to answer after a worker is killed, and replaces it', async () => {
    const { gateway, ask } = await start();
    const [victim, survivor] = gateway.childPids();
    process.kill(Number(victim), 'SIGKILL');
    await gateway.printed(/"msg":"workerDied"/);
    for (let n = 0; n < 10; n += 1) expect((await ask(customer)).status).toBe(200);
    await until(() => gateway.childPids().length === 2);
    expect(gateway.childPids()).toContain(survivor);
    expect(gateway.childPids()).not.toContain(victim);
  });

  it('keeps its running workers while a replacement cannot start, and retries', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'workers-'));
    const manifest = { format: 'apollo-persisted-query-manifest', version: 1 };
    const operation = { id: '1', name: 'Total', type: 'query', body: totalQuery };
    const safelist = join(folder, 'manifest.json');
    const write = () => writeFileSync(safelist, JSON.stringify({ ...manifest, operations: [operation] }));
    write();
    const { gateway, ask } = await start({ GRAPHQL_SAFELIST: safelist });
    rmSync(safelist);
    const [victim, survivor] = gateway.childPids();
    process.kill(Number(victim), 'SIGKILL');
    await gateway.printed(/GRAPHQL_SAFELIST cannot be read(.*\n)*.*"code":78,.*"msg":"workerDied"/);
    for (let n = 0; n < 10; n += 1) expect((await ask(customer)).status).toBe(200);
    expect(gateway.childPids()).toContain(survivor);
    write();
    await gateway.printed(/("msg":"workerDied"(.*\n)+.*){2}"msg":"started"/);
    expect(gateway.childPids()).toHaveLength(2);
    rmSync(folder, { recursive: true });
  });

  it('answers a purge with 503 while no worker lives that could store it in Redis', async () => {
    const { gateway } = await start({ PURGE_TOKEN: 'purge-token', REDIS_URL: 'redis://127.0.0.1:1' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (const pid of gateway.childPids()) process.kill(Number(pid), 'SIGKILL');
    await gateway.printed(/("msg":"workerDied"(.*\n)+.*){2}/);
    const purged = await fetch(`${adminUrl}/purge`, {
      method: 'POST',
      headers: { authorization: 'Bearer purge-token', 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: idOf(77) }),
    });
    expect(purged.status).toBe(503);
  });

  it('purges totals in all workers through its one admin listener', async () => {
    const { gateway, ask } = await start({ PURGE_TOKEN: 'purge-token', LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    const purgedCustomer = idOf(77);
    gateways.simulator.requests = 0;
    for (let n = 0; n < 6; n += 1) await ask(purgedCustomer);
    expect(gateways.simulator.requests).toBe(2);
    const purged = await fetch(`${adminUrl}/purge`, {
      method: 'POST',
      headers: { authorization: 'Bearer purge-token', 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: purgedCustomer }),
    });
    expect(purged.status).toBe(204);
    for (let n = 0; n < 6; n += 1) await ask(purgedCustomer);
    expect(gateways.simulator.requests).toBe(4);
  });

  it('reports the sum of the metrics of all workers', async () => {
    const { gateway, ask } = await start({ LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (let n = 0; n < 6; n += 1) await ask(idOf(78));
    const samples = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(samples).toMatch(/^gateway_http_requests_total\{status="200"\} 6$/m);
    // One for each of the two workers.
    expect(samples).toMatch(/^upstream_requests_total\{status="200"\} 2$/m);
    expect(samples).toMatch(/^upstream_circuit_state 0$/m);
    expect(samples).toMatch(/^gateway_info\{version="[\d.]+"\} 1$/m);
  });

  it('reports the counts of a worker also while it is stopped and after its death', async () => {
    const { gateway, ask } = await start({ LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (let n = 0; n < 6; n += 1) await ask(idOf(79));
    const read = async () => {
      const response = await fetch(`${adminUrl}/metrics`);
      return [response.status, /^gateway_http_requests_total.* (\d+)$/m.exec(await response.text())?.[1]];
    };
    expect(await read()).toEqual([200, '6']);
    const [victim] = gateway.childPids();
    process.kill(Number(victim), 'SIGSTOP');
    expect(await read()).toEqual([200, '6']);
    process.kill(Number(victim), 'SIGKILL');
    await gateway.printed(/"msg":"workerDied"/);
    expect(await read()).toEqual([200, '6']);
  });

  it('reports that its admin port is in use and exits with 1', async () => {
    const { gateway } = await start({ PURGE_TOKEN: 'purge-token' });
    const [, port = ''] = await gateway.printed(/"adminUrl":"[^"]+:(\d+)"/);
    const second = gateways.start({
      WEB_CONCURRENCY: '2',
      PURGE_TOKEN: 'purge-token',
      ADMIN_PORT: port,
    });
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/The gateway cannot start: listen EADDRINUSE/);
  });

  it('exits with the reason and the exit code of its first worker if none can start', async () => {
    const { url } = await start();
    const second = gateways.start({
      PORT: new URL(url).port,
      WEB_CONCURRENCY: '2',
    });
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/The gateway cannot start: /);
  });
});

describeWithPromtool('the summed metrics of two workers', () => {
  it('are valid Prometheus text', async () => {
    const { gateway, ask } = await start({ LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (let n = 0; n < 6; n += 1) expect((await ask(idOf(80 + n))).status).toBe(200);
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(text).toMatch(/^upstream_request_duration_seconds_count 6$/m);
    expect(await checkMetrics(text)).toEqual({ isContent: true, output: '' });
  });
});
