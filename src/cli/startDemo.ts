import { readFileSync } from 'node:fs';
import { createApp, type Overrides } from '../app.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { createSimulator } from '../simulator/simulator.ts';

type DemoOptions = {
  /** By default 4000, or a free port if 4000 is in use. */
  port: string | undefined;
  environment: Readonly<Record<string, string>>;
  overrides?: Overrides | undefined;
};

export type Demo = {
  url: string;
  /** Of the admin listener. */
  adminUrl: string | undefined;
  simulatorUrl: string;
  stop: () => Promise<void>;
};

/** Starts the simulator and a gateway that calls it. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const simulator = createSimulator();
  const simulatorUrl = await simulator.start('127.0.0.1', 0);
  try {
    const { app, url, adminUrl } = await startGateway(simulatorUrl, options);
    const stop = async () => {
      await app.stop();
      await simulator.stop();
    };
    return { url, adminUrl, simulatorUrl, stop };
  } catch (error) {
    await simulator.stop();
    throw error;
  }
}

async function startGateway(simulatorUrl: string, { port, environment, overrides }: DemoOptions) {
  const create = (PORT: string) => createApp(createConfig(simulatorUrl, { ...environment, PORT }), overrides);
  const app = await create(port ?? '4000');
  try {
    return { app, ...(await app.start()) };
  } catch (error) {
    await app.stop();
    const isInUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (port !== undefined || !isInUse) throw error;
    const fallback = await create('0');
    return { app: fallback, ...(await fallback.start()) };
  }
}

function createConfig(simulatorUrl: string, environment: Readonly<Record<string, string>>): Config {
  const variables = {
    ADMIN_PORT: '0',
    ZENSKAR_URL: simulatorUrl,
    ZENSKAR_API_KEY: 'demo-api-key',
    ZENSKAR_ORGANISATION: 'demo-organisation',
    LOG_LEVEL: 'warn',
    // The simulator fails on purpose: its failures must not hide stale totals or open the circuit.
    CACHE_STALE_IF_ERROR_SECONDS: '2592000',
    UPSTREAM_BREAKER_FAILURES: '10000',
    ...environment,
  };
  const parsed = parseConfig(variables, (path) => readFileSync(path, 'utf8'));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

/** Stops at the first signal; exits immediately at the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(1);
    stopping = true;
    void stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}
