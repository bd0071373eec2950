import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { apiKey, customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';
import { residentMebibytes } from '../support/process.ts';

const gateways = useGatewayProcesses();

async function start(environment: Record<string, string> = {}) {
  const gateway = gateways.start({ ...environment });
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
  const ask = (customerId: string) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
  return { gateway, url, ask };
}

describe('the gateway process', () => {
  it('starts, answers an operation and uses less than 150 MiB', async () => {
    const { gateway, ask } = await start();
    const answer = await (await ask(customer)).json();
    expect(answer).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
    expect(residentMebibytes(gateway.pid)).toBeLessThan(150);
  });

  it('reports all configuration problems and exits with 78 before it listens', async () => {
    const gateway = gateways.start({ PORT: 'http', ZENSKAR_ORGANISATION: '', ZENSKAR_API_KY: apiKey });
    expect(await gateway.exited).toBe(78);
    expect(gateway.output()).toBe(
      [
        'The configuration has problems:',
        '  - PORT is "http"; expected a whole number from 0 to 65535.',
        '  - ZENSKAR_ORGANISATION is missing; it is required with AUTH_MODE=none.',
        '  - ZENSKAR_API_KY is not a variable of the gateway; did you mean ZENSKAR_API_KEY?',
        '',
      ].join('\n'),
    );
  });

  it.each(['1', '2'])(
    'starts %s workers with OTEL variables meant for other programs, and logs one warning each',
    async (WEB_CONCURRENCY) => {
      const { gateway } = await start({
        OTEL_TRACES_SAMPLER: 'xray',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',

        WEB_CONCURRENCY,
      });
      const lines = gateway.output().matchAll(/^\{.*"level":"warn".*$/gm);
      expect([...lines].map(([line]) => JSON.parse(line))).toEqual(
        [
          'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; expected http/protobuf. The value is ignored.',
          'OTEL_TRACES_SAMPLER is "xray"; expected always_on, always_off or traceidratio, or one of them with the prefix parentbased_. The value is ignored.',
        ].map((reason) => ({ level: 'warn', time: expect.any(String), msg: 'variableIgnored', reason })),
      );
    },
  );

  it('warns once on stderr about a Node without the latest security fixes, and starts', async () => {
    const olderNode = 'Object.defineProperty(process.versions, "node", { value: "26.12.0" })';
    const gateway = gateways.start(
      { WEB_CONCURRENCY: '2' },
      { args: ['--import', `data:text/javascript,${olderNode}`, 'src/main.ts'] },
    );
    await gateway.printed(/("msg":"started"(.*\n)+.*){2}/);
    expect(gateway.output().match(/^Node .*/gm)).toEqual([
      'Node 26.12.0 lacks the security fixes of 26.12.1. Install Node 26.12.1 or later.',
    ]);
  });

  it('continues to answer after the reader of its log has closed the pipe', async () => {
    const { gateway, ask } = await start();
    gateway.stopReading();
    // More lines than the log buffers before it writes.
    for (let n = 0; n < 40; n += 1) expect((await ask(customer)).status).toBe(200);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(gateway.output()).not.toContain('EPIPE');
  });

  it('reports that its port is in use and exits with 1', async () => {
    const { url } = await start();
    const second = gateways.start({ PORT: new URL(url).port });
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/^The gateway cannot start: listen EADDRINUSE/m);
  });

  it('on SIGTERM answers requests in flight, accepts no new connections and exits with 0', async () => {
    const { gateway, url, ask } = await start();
    const slowCustomer = customerOf('d1f4');
    const slow = ask(slowCustomer);
    await until(() => gateways.simulator.perKey.has(`${entitlement}/${slowCustomer}`));
    gateway.signal('SIGTERM');
    await gateway.printed(/draining/);
    await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed');
    const response = await slow;
    expect(response.headers.get('connection')).toBe('close');
    expect(await response.json()).toEqual({
      data: { customerEntitlementTotal: { quantity: expectedQuantity({ customerId: slowCustomer }) } },
    });
    expect(await gateway.exited).toBe(0);
    expect(gateway.output()).toMatch(/"listener":"main","cut":0,/);
  });

  it('is unready but still answers operations during SHUTDOWN_DELAY_MS', async () => {
    const { gateway, url, ask } = await start({ SHUTDOWN_DELAY_MS: '60000' });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    gateway.signal('SIGTERM');
    await gateway.printed(/draining/);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await ask(customer)).status).toBe(200);
  });

  it('answers requests that outlast SHUTDOWN_TIMEOUT_MS with 503 and exits with 0', async () => {
    const { gateway, ask } = await start({ SHUTDOWN_TIMEOUT_MS: '50', UPSTREAM_ATTEMPT_TIMEOUT_MS: '60000' });
    const pending = ask(customerOf('9999'));
    await until(() => gateways.simulator.perKey.has(`${entitlement}/${customerOf('9999')}`));
    gateway.signal('SIGTERM');
    const response = await pending;
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.text()).toContain('"code":"SERVICE_UNAVAILABLE","retryable":true');
    expect(await gateway.exited).toBe(0);
    expect(gateway.output()).toMatch(/"level":"warn".*"cut":1,/);
  });

  it('does not wait for idle connections when it stops', async () => {
    const { gateway, url } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
  });

  it('drains if the same signal arrives twice at once, as npm forwards it to a process group', async () => {
    const { gateway } = await start();
    gateway.signal('SIGTERM');
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(gateway.output()).toMatch(/"msg":"drained"/);
  });

  it('exits at once on a second signal that arrives later', async () => {
    const { gateway, ask } = await start({ UPSTREAM_ATTEMPT_TIMEOUT_MS: '60000' });
    const { requestHeaders } = gateways.simulator;
    const before = requestHeaders.length;
    const rejectedRequest = expect(ask(customerOf('9999'))).rejects.toThrow('fetch failed');
    await until(() => gateways.simulator.requestHeaders.length > before);
    gateway.signal('SIGTERM');
    await gateway.printed(/draining/);
    await new Promise((resolve) => setTimeout(resolve, 600));
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(128 + 15);
    await rejectedRequest;
  });
});
