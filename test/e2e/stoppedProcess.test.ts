import { describe, expect, it } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { customer, customerOf, entitlement, expectedQuantity, totalQuery } from '../support/ids.ts';
import type { Process } from '../support/process.ts';

const gateways = useGatewayProcesses();

async function start(environment: Record<string, string>, args = ['src/main.ts']) {
  const gateway = gateways.start({ ...environment }, { args });
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
  const ask = async (customerId: string) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
    return response.json();
  };
  return { gateway, ask };
}

async function stop({ signal, exited }: Process): Promise<void> {
  signal('SIGTERM');
  expect(await exited).toBe(0);
}

function readLines(text: string): { level: string; msg: string }[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const deadlineMs = 300;
/** More calls than the gateway may have in flight, so that most wait. */
const calls = 300;

describe('a gateway that was stopped under load for longer than its deadline', () => {
  it('prints no TimeoutNegativeWarning, writes nothing but JSON lines and answers again', async () => {
    const { gateway, ask } = await start({
      UPSTREAM_CONCURRENCY: '2',
      UPSTREAM_DEADLINE_MS: `${deadlineMs}`,
      UPSTREAM_ATTEMPT_TIMEOUT_MS: `${deadlineMs}`,
      UPSTREAM_BREAKER_FAILURES: '10000',
      LOG_LEVEL: 'debug',
    });
    gateways.simulator.overall = { mode: 'down' };
    const answers = Array.from({ length: calls }, (_, n) => ask(customerOf((0xa000 + n).toString(16))));
    // Calls pause before a retry, wait in the queue and are in flight.
    await gateway.printed(/(upstreamRetry[\s\S]*){4}/);
    gateway.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2 * deadlineMs));
    gateways.simulator.overall = { mode: 'ok' };
    gateway.signal('SIGCONT');
    await Promise.all(answers);
    await until(() => gateways.simulator.inFlight === 0);
    expect(await ask(customer)).toEqual({
      data: { customerEntitlementTotal: { quantity: expectedQuantity() } },
    });
    await stop(gateway);
    expect(gateway.errorOutput()).toBe('');
    expect(readLines(gateway.output()).filter(({ msg }) => msg === 'nodeWarning')).toEqual([]);
  });
});

describe('a gateway that was stopped for longer than its deadline while a response was on its way', () => {
  it.each(['got', 'undici'])(
    'takes the response instead of a timeout, with UPSTREAM_TRANSPORT=%s',
    async (transport) => {
      const { gateway, ask } = await start({
        UPSTREAM_TRANSPORT: transport,
        UPSTREAM_DEADLINE_MS: `${deadlineMs}`,
        UPSTREAM_ATTEMPT_TIMEOUT_MS: `${deadlineMs}`,
        UPSTREAM_RETRIES: '0',
      });
      gateways.simulator.overall = { mode: 'slow', ms: deadlineMs / 3 };
      const answer = ask(customer);
      await until(() => gateways.simulator.inFlight === 1);
      gateway.signal('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 2 * deadlineMs));
      gateway.signal('SIGCONT');
      expect(await answer).toEqual({ data: { customerEntitlementTotal: { quantity: expectedQuantity() } } });
      await stop(gateway);
    },
  );
});

describe('a warning of Node in a gateway that serves', () => {
  const warn = 'process.on("SIGUSR2", () => setTimeout(() => {}, -5))';
  const args = ['--import', `data:text/javascript,${warn}`, 'src/main.ts'];

  it.each([
    ['one process', '1'],
    ['the primary of several workers', '2'],
  ])('is a line of the log and not text on stderr in %s', async (_, workers) => {
    const { gateway } = await start({ WEB_CONCURRENCY: workers }, args);
    gateway.signal('SIGUSR2');
    await gateway.printed(/TimeoutNegativeWarning/);
    await stop(gateway);
    expect(gateway.errorOutput()).toBe('');
    expect(readLines(gateway.output()).filter(({ msg }) => msg === 'nodeWarning')).toEqual([
      {
        level: 'warn',
        time: expect.any(String),
        name: 'TimeoutNegativeWarning',
        message: expect.stringContaining('-5 is a negative number.'),
        stack: expect.stringContaining('at '),
        msg: 'nodeWarning',
      },
    ]);
  });
});
