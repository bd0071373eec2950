import { describe, expect, it } from '@jest/globals';
import { useCollector } from '../support/collector.ts';
import { findFreePort } from '../support/freePort.ts';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { customer, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';
import type { Process } from '../support/process.ts';

/** Prints each module of OpenTelemetry that is loaded by any means, except its API and the propagator of trace context. */
const watcher = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  import { writeSync } from 'node:fs';
  registerHooks({
    load(url, context, next) {
      if (/@opentelemetry.(?!(api|core|semantic-conventions).)/.test(url)) writeSync(2, 'loaded ' + url + '\\n');
      return next(url, context);
    },
  });
`)}`;

const gateways = useGatewayProcesses();
const collector = useCollector();

async function startAndAsk(environment: Record<string, string>): Promise<Process> {
  const args = ['--import', watcher, 'src/main.ts'];
  const gateway = gateways.start({ ...environment }, { args });
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: totalQuery,
      variables: { entitlementId: entitlement, customerId: customer },
    }),
  });
  expect(await response.json()).toEqual({
    data: { customerEntitlementTotal: { quantity: expectedQuantity() } },
  });
  return gateway;
}

async function end({ signal, exited }: Process): Promise<void> {
  signal('SIGTERM');
  expect(await exited).toBe(0);
}

describe('the traces of a process', () => {
  it.each<Record<string, string>>([
    {},
    { OTEL_SERVICE_NAME: 'gateway', OTEL_TRACES_SAMPLER: 'always_on' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'none' },
  ])('do not load the SDK of OpenTelemetry with %o', async (environment) => {
    const gateway = await startAndAsk(environment);
    await end(gateway);
    expect(gateway.output()).not.toContain('loaded');
  });

  it('are exported before the process ends, with the configured service name', async () => {
    const gateway = await startAndAsk({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'totals',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.namespace=billing',
    });
    expect(gateway.output()).toMatch(/loaded .*@opentelemetry.sdk-trace/);
    expect(collector.spans).toEqual([]);
    await end(gateway);
    expect(collector.spans).toHaveLength(3);
    expect(collector.spans[0]?.resource).toMatchObject({
      'service.name': 'totals',
      'service.version': expect.any(String),
      'service.namespace': 'billing',
      'deployment.environment.name': 'test',
    });
  });

  it.each(['silent', 'unreachable'])(
    'delay neither responses nor the end of the process with a collector that is %s',
    async (fault) => {
      collector.status = 0;
      const before = collector.bodies.length;
      const closed = `http://127.0.0.1:${await findFreePort()}`;
      const gateway = await startAndAsk({
        OTEL_EXPORTER_OTLP_ENDPOINT: fault === 'silent' ? collector.url : closed,
        OTEL_BSP_SCHEDULE_DELAY: '1',
      });
      if (fault === 'silent') await until(() => collector.bodies.length > before);
      // Without a limit of its own this takes ten seconds, longer than a test may.
      await end(gateway);
    },
  );
});
