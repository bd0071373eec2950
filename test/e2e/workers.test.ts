import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { until } from '../support/gateway.ts';
import { customer, customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { type Process, runGateway } from '../support/process.ts';
import { checkMetrics, describeWithPromtool } from '../support/promtool.ts';

const simulator = createSimulator();
let upstream = '';
const running: Process[] = [];

beforeAll(async () => {
  upstream = await simulator.start('127.0.0.1', 0);
});
afterAll(() => simulator.stop());
afterEach(async () => {
  for (const { signal, exited } of running.splice(0)) {
    signal('SIGKILL');
    await exited;
  }
});

async function start(environment: Record<string, string> = {}) {
  const gateway = runGateway({
    ZENSKAR_URL: upstream,
    WEB_CONCURRENCY: '2',
    ADMIN_PORT: '0',
    UPSTREAM_RETRIES: '0',
    ...environment,
  });
  running.push(gateway);
  const [, url = ''] = await gateway.printed(
    /"msg":"started".*\n(?:.*\n)*.*"url":"([^"]+)".*"msg":"started"/,
  );
  const ask = (customerId: string) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      // A connection of its own, so that the workers take turns.
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
  return { gateway, url, ask };
}

describe('a gateway of two workers', () => {
  it('answers by both, and keeps what each knows to itself', async () => {
    const { gateway, ask } = await start();
    simulator.state.requests = 0;
    for (let n = 0; n < 20; n += 1) expect((await ask(customer)).status).toBe(200);
    expect(simulator.state.requests).toBe(2);
    expect(gateway.childPids()).toHaveLength(2);
  });

  it('lets all of them end what is under way when told to stop', async () => {
    const { gateway, ask } = await start();
    simulator.state.requests = 0;
    const slow = Array.from({ length: 6 }, (_, n) => ask(customerOf(`d1f${n}`)));
    await until(() => simulator.state.requests === 6);
    gateway.signal('SIGTERM');
    for (const answer of await Promise.all(slow)) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toMatch(/"quantity":\d/);
    }
    expect(await gateway.exited).toBe(0);
    expect(gateway.output().match(/"listener":"main",[^\n]*"msg":"drained"/g)).toHaveLength(2);
  });

  it('loses no request but those of a worker that is killed, and starts another', async () => {
    const { gateway, ask } = await start();
    const [victim, survivor] = gateway.childPids();
    process.kill(Number(victim), 'SIGKILL');
    await gateway.printed(/"msg":"workerDied"/);
    for (let n = 0; n < 10; n += 1) expect((await ask(customer)).status).toBe(200);
    await until(() => gateway.childPids().length === 2);
    expect(gateway.childPids()).toContain(survivor);
    expect(gateway.childPids()).not.toContain(victim);
  });

  it('goes on with those it has while another cannot start, and tries again', async () => {
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

  it('forgets in all of them what its one admin listener is told to', async () => {
    const { gateway, ask } = await start({ PURGE_TOKEN: 'purge-token', ADMIN_PORT: '0', LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    const one = idOf(77);
    simulator.state.requests = 0;
    for (let n = 0; n < 6; n += 1) await ask(one);
    expect(simulator.state.requests).toBe(2);
    const purged = await fetch(`${adminUrl}/purge`, {
      method: 'POST',
      headers: { authorization: 'Bearer purge-token', 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: one }),
    });
    expect(purged.status).toBe(204);
    for (let n = 0; n < 6; n += 1) await ask(one);
    expect(simulator.state.requests).toBe(4);
  });

  it('shows the sum of the metrics of both workers', async () => {
    const { gateway, ask } = await start({ ADMIN_PORT: '0', LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (let n = 0; n < 6; n += 1) await ask(idOf(78));
    const samples = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(samples).toMatch(/^gateway_http_requests_total\{status="200"\} 6$/m);
    // Each of the two had to ask once.
    expect(samples).toMatch(/^upstream_requests_total\{status="200"\} 2$/m);
    expect(samples).toMatch(/^upstream_circuit_state 0$/m);
    expect(samples).toMatch(/^gateway_info\{version="[\d.]+"\} 1$/m);
  });

  it('keeps the counts of a worker that is stuck and of one that has ended', async () => {
    const { gateway, ask } = await start({ ADMIN_PORT: '0', LOG_LEVEL: 'info' });
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

  it('says so where its admin port is taken', async () => {
    const { gateway } = await start({ PURGE_TOKEN: 'purge-token' });
    const [, port = ''] = await gateway.printed(/"adminUrl":"[^"]+:(\d+)"/);
    const second = runGateway({
      WEB_CONCURRENCY: '2',
      ZENSKAR_URL: upstream,
      PURGE_TOKEN: 'purge-token',
      ADMIN_PORT: port,
    });
    running.push(second);
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/The gateway cannot start: listen EADDRINUSE/);
  });

  it('that cannot start ends with the reason and the code of the first that could not', async () => {
    const { url } = await start();
    const second = runGateway({
      PORT: new URL(url).port,
      ADMIN_PORT: '0',
      WEB_CONCURRENCY: '2',
      ZENSKAR_URL: upstream,
    });
    running.push(second);
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/The gateway cannot start: /);
  });
});

describeWithPromtool('the summed metrics of two workers', () => {
  it('are valid', async () => {
    const { gateway, ask } = await start({ ADMIN_PORT: '0', LOG_LEVEL: 'info' });
    const [, adminUrl = ''] = await gateway.printed(/"adminUrl":"([^"]+)"/);
    for (let n = 0; n < 6; n += 1) expect((await ask(idOf(80 + n))).status).toBe(200);
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(text).toMatch(/^upstream_request_duration_seconds_count 6$/m);
    expect(await checkMetrics(text)).toEqual({ isContent: true, output: '' });
  });
});
