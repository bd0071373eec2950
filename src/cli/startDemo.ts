import { readFileSync } from 'node:fs';
import { createApp, type Overrides } from '../app.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { createSimulator } from '../simulator/simulator.ts';

type DemoOptions = {
  /** Undefined for the usual one, or a free one where that is taken; a port that is asked for must be free. */
  port: string | undefined;
  environment: Readonly<Record<string, string>>;
  overrides?: Overrides | undefined;
};

export type Demo = {
  url: string;
  simulatorUrl: string;
  stop: () => Promise<void>;
};

/** Starts the gateway before a simulated Zenskar. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const simulator = createSimulator();
  const simulatorUrl = await simulator.start('127.0.0.1', 0);
  try {
    const { app, url } = await startGateway(simulatorUrl, options);
    const stop = async () => {
      await app.stop();
      await simulator.stop();
    };
    return { url, simulatorUrl, stop };
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
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (port !== undefined || !isTaken) throw error;
    const elsewhere = await create('0');
    return { app: elsewhere, ...(await elsewhere.start()) };
  }
}

function createConfig(simulatorUrl: string, environment: Readonly<Record<string, string>>): Config {
  const whole = {
    ADMIN_PORT: '0',
    ZENSKAR_URL: simulatorUrl,
    ZENSKAR_API_KEY: 'demo-api-key',
    ZENSKAR_ORGANISATION: 'demo-organisation',
    LOG_LEVEL: 'warn',
    // What fails here is meant to fail: it is to be seen for as long as the demo runs, and to leave the rest alone.
    CACHE_STALE_IF_ERROR_SECONDS: '2592000',
    UPSTREAM_BREAKER_FAILURES: '10000',
    ...environment,
  };
  const parsed = parseConfig(whole, (path) => readFileSync(path, 'utf8'));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

/** Stops at the first signal, and at once at the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(1);
    stopping = true;
    void stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}
