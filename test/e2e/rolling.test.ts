import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { findFreePort } from '../support/freePort.ts';
import { describeBehindHaproxy, type LoadBalancer } from '../support/haproxy.ts';
import { entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { type Process, runGateway } from '../support/process.ts';

const simulator = createSimulator();
const ports: number[] = [];
const gateways: Process[] = [];
let upstream = '';

beforeAll(async () => {
  upstream = await simulator.start('127.0.0.1', 0);
});
afterAll(async () => {
  for (const gateway of gateways) gateway.signal('SIGKILL');
  await Promise.all(gateways.map(({ exited }) => exited));
  await simulator.stop();
});

async function findPorts(): Promise<number[]> {
  ports.push(await findFreePort(), await findFreePort());
  return ports;
}

async function start(n: number): Promise<void> {
  const gateway = runGateway({
    PORT: String(ports[n]),
    ADMIN_PORT: '0',
    ZENSKAR_URL: upstream,
    // The time in which the load balancer notices that the gateway is unready.
    SHUTDOWN_DELAY_MS: '500',
    CACHE_MAX_AGE_SECONDS: '1',
    LOG_LEVEL: 'warn',
  });
  gateways[n] = gateway;
  await untilReady(`http://127.0.0.1:${ports[n]}/readyz`);
}

async function untilReady(url: string): Promise<void> {
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((r) => setTimeout(r, 20));
}

type Failure = { startedMs: number; reason: string };

/** Sends requests without pauses, eight at a time, until `stop` is called. */
function load({ url }: LoadBalancer) {
  const failures: Failure[] = [];
  let answered = 0;
  let isStopped = false;
  const ask = async (customerId: string): Promise<string | undefined> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
    const body = await response.text();
    const quantity = `"quantity":${expectedQuantity({ customerId })}`;
    return response.status === 200 && body.includes(quantity) ? undefined : `${response.status} ${body}`;
  };
  const loops = Array.from({ length: 8 }, async (_, n) => {
    for (let turn = 0; !isStopped; turn += 1) {
      const startedMs = performance.now();
      const reason = await ask(idOf(n * 1000 + (turn % 50))).catch((error: unknown) => String(error));
      if (reason === undefined) answered += 1;
      else failures.push({ startedMs, reason });
    }
  });
  const stop = async () => {
    isStopped = true;
    await Promise.all(loops);
    return { answered, failures };
  };
  return { stop };
}

describeBehindHaproxy('two gateways behind HAProxy', findPorts, (balancer) => {
  beforeAll(async () => {
    await Promise.all([start(0), start(1)]);
    await balancer.sends(2);
  });

  it('lose no request while they are restarted in turn three times', async () => {
    const { stop } = load(balancer);
    for (let round = 0; round < 3; round += 1) {
      for (const n of [0, 1]) {
        gateways[n]?.signal('SIGTERM');
        expect(await gateways[n]?.exited).toBe(0);
        await start(n);
        await balancer.sends(2);
      }
    }
    const { answered, failures } = await stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(500);
  }, 60_000);

  it('lose only the requests that are in flight on a killed gateway', async () => {
    const { stop } = load(balancer);
    await new Promise((resolve) => setTimeout(resolve, 500));
    gateways[0]?.signal('SIGKILL');
    await gateways[0]?.exited;
    const killedAtMs = performance.now();
    await balancer.sends(1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { answered, failures } = await stop();
    expect(failures.filter(({ startedMs }) => startedMs > killedAtMs)).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(8);
    expect(answered).toBeGreaterThan(100);
  }, 30_000);
});
