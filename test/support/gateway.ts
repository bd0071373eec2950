import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { type App, createApp } from '../../src/app.ts';
import { type Config, parseConfig } from '../../src/config/config.ts';
import type { ConnectionLimits } from '../../src/http/server.ts';
import { createSimulator, reset, type SimulatorState } from '../../src/simulator/simulator.ts';
import type { LogDestination } from '../../src/telemetry/stdout.ts';
import { apiKey, organisation } from './ids.ts';

type LogLine = Readonly<Record<string, unknown>> & { msg: string };

type GraphQLAnswer = {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests compare whole answers with literals
  body: { data?: any; errors?: any[] };
};

export type Gateway = {
  url: string;
  adminUrl: string;
  /** Undefined until the gateway has started. */
  app: App;
  simulator: SimulatorState;
  /** Lines since the start of the test. */
  log: LogLine[];
  /** Lines since the start of the gateway. */
  wholeLog: LogLine[];
  /** The gateway's time, in milliseconds since the epoch. */
  now: () => number;
  /** Moves the wall clock alone, forwards or backwards. */
  jump: (ms: number) => void;
  /** Advances the gateway's time, in addition to real time. */
  advance: (ms: number) => void;
  /** Until the end of the test, only `advance` changes the gateway's time. */
  stopClock: () => void;
  /** Posts an operation. */
  gql: (query: string, variables?: object, init?: RequestInit) => Promise<GraphQLAnswer>;
  fetch: (path: string, init?: RequestInit) => Promise<Response>;
};

function createTestConfig(environment: Readonly<Record<string, string>>): Config {
  const parsed = parseConfig(
    {
      PORT: '0',
      ADMIN_PORT: '0',
      ZENSKAR_API_KEY: apiKey,
      ZENSKAR_ORGANISATION: organisation,
      LOG_LEVEL: 'debug',
      ...environment,
    },
    (path) => readFileSync(path, 'utf8'),
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

type Environment = Readonly<Record<string, string>>;

/** Starts the whole gateway in front of a simulator for the tests of one file, both on free ports. */
export function useGateway(environment: Environment = {}, limits: Partial<ConnectionLimits> = {}): Gateway {
  return useReplicas(1, () => environment, limits)[0] as Gateway;
}

/** Several gateways in front of one simulator. The environment is read when they start. */
export function useReplicas(
  count: number,
  environment: () => Environment,
  connectionLimits: Partial<ConnectionLimits> = {},
): Gateway[] {
  let advancedMs = 0;
  let stoppedAtMs: number | undefined;
  const stops: (() => Promise<void>)[] = [];
  let jumpedMs = 0;
  const monotonic = () => (stoppedAtMs ?? Date.now()) + advancedMs;
  const clock = {
    monotonic,
    now: () => monotonic() + jumpedMs,
    jump: (ms: number) => {
      jumpedMs += ms;
    },
    advance: (ms: number) => {
      advancedMs += ms;
    },
    stopClock: () => {
      stoppedAtMs = Date.now();
    },
  };
  const simulator = createSimulator(clock.now);
  const replicas = Array.from({ length: count }, () =>
    createTestGateway({ simulator: simulator.state, ...clock }),
  );

  beforeAll(async () => {
    const upstream = await simulator.start('127.0.0.1', 0);
    for (const replica of replicas) {
      const app = await createApp(createTestConfig({ ZENSKAR_URL: upstream, ...environment() }), {
        clock: { now: clock.now, monotonic: clock.monotonic },
        connectionLimits,
        logDestination: {
          write: (line) => {
            replica.log.push(JSON.parse(line));
            replica.wholeLog.push(JSON.parse(line));
          },
        },
      });
      Object.assign(replica, { app, ...(await app.start()) });
      stops.push(app.stop);
    }
  });
  beforeEach(() => {
    stoppedAtMs = undefined;
    jumpedMs = 0;
    // Entries, failures and pauses of earlier tests have expired after two days.
    clock.advance(2 * 86_400_000);
    reset(simulator.state);
    simulator.state.overall = { mode: 'ok' };
    for (const { log } of replicas) log.length = 0;
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    await simulator.stop();
  });
  return replicas;
}

function createTestGateway(
  parts: Pick<Gateway, 'simulator' | 'now' | 'jump' | 'advance' | 'stopClock'>,
): Gateway {
  const gateway: Gateway = {
    ...parts,
    url: '',
    adminUrl: '',
    app: undefined as never,
    log: [],
    wholeLog: [],
    fetch: (path, init) => fetch(`${gateway.url}${path}`, init),
    gql: async (query, variables, init) => {
      const response = await gateway.fetch('/graphql', {
        method: 'POST',
        body: JSON.stringify({ query, variables }),
        ...init,
        headers: { 'content-type': 'application/json', ...(init?.headers as Record<string, string>) },
      });
      return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
    },
  };
  return gateway;
}

/** Starts a gateway without an upstream, for a single test. */
export async function startWith(
  environment: Environment,
  logDestination: LogDestination = { write: () => {} },
): Promise<{ url: string; stop: () => Promise<void> }> {
  const app = await createApp(createTestConfig(environment), { logDestination });
  return { url: (await app.start()).url, stop: app.stop };
}

/** Resolves once `condition` holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  // A test that fails meanwhile must not keep the process alive.
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5).unref());
}
