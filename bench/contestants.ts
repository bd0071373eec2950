import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from './processes.ts';
import type { Workload } from './workloads.ts';

export type Contestant = {
  name: string;
  /** The type of ids in its schema. */
  idType: string;
  takes: (workload: Workload) => boolean;
  /** `responseBody` is what a contestant answers that asks no upstream. */
  toCommand: (upstream: string, responseBody: string) => Command;
};

const node = process.execPath;
const here = new URL('.', import.meta.url).pathname;
const root = resolve(here, '..');
const program = (name: string) => [node, join(here, 'contestants', `${name}.ts`)];

/** So long that hot totals stay hot: each contestant is loaded for a small part of the time only. */
const maxAgeSeconds = 3600;

const always = () => true;
const isCold = ({ customers }: Workload) => customers === 'cold';
const isOneOf =
  (...names: string[]) =>
  (workload: Workload) =>
    names.includes(workload.name);

export function listContestants(baseline?: string): readonly Contestant[] {
  return [
    constantResponse,
    gotProxy,
    gateway('gateway', always),
    gateway('gateway (undici)', isCold, { environment: { UPSTREAM_TRANSPORT: 'undici' } }),
    gateway('gateway (1 % traced)', isOneOf('hot', 'cold', '50-entities-varied'), { isTraced: true }),
    gateway('gateway (2 workers)', isOneOf('50-varied'), {
      cpus: '0,1',
      environment: { WEB_CONCURRENCY: '2' },
    }),
    ...(baseline === undefined ? [] : listBaseline(resolve(baseline))),
    ...peer('Apollo + Express', 'apolloExpress'),
    ...peer('Apollo thin', 'apolloThin'),
    ...peer('mercurius + jit', 'mercuriusJit'),
    hive(),
    ...(existsSync(tailcallBinary) ? [tailcall] : []),
  ];
}

function listBaseline(cwd: string): Contestant[] {
  return [
    gateway('baseline', always, { cwd }),
    gateway('baseline (undici)', isCold, { cwd, environment: { UPSTREAM_TRANSPORT: 'undici' } }),
  ];
}

type GatewayOptions = {
  cwd?: string;
  cpus?: string;
  environment?: Record<string, string>;
  isTraced?: boolean;
};

/** The gateway as `npm start` runs it. */
function gateway(
  name: string,
  takes: Contestant['takes'],
  { cwd = root, cpus, environment, isTraced = false }: GatewayOptions = {},
): Contestant {
  const common = {
    NODE_COMPILE_CACHE: 'node_modules/.cache/node',
    ADMIN_PORT: '0',
    ZENSKAR_API_KEY: 'bench-api-key',
    ZENSKAR_ORGANISATION: 'bench-organisation',
    CACHE_MAX_AGE_SECONDS: String(maxAgeSeconds),
  };
  return {
    name,
    idType: 'UUID',
    takes,
    toCommand: (upstream) => ({
      command: [node, 'src/main.ts'],
      environment: {
        ...common,
        ZENSKAR_URL: upstream,
        ...(isTraced && { OTEL_EXPORTER_OTLP_ENDPOINT: upstream }),
        ...environment,
      },
      cwd,
      ...(cpus !== undefined && { cpus }),
    }),
  };
}

/** A peer as one runs it in production, and silent: without log and metrics. */
function peer(name: string, file: string): Contestant[] {
  return [false, true].map((isSilent) => ({
    name: isSilent ? `${name} (silent)` : name,
    idType: 'ID',
    takes: always,
    toCommand: (upstream) => ({
      command: program(file),
      environment: {
        UPSTREAM: upstream,
        MAX_AGE_SECONDS: String(maxAgeSeconds),
        SILENT: String(isSilent),
      },
    }),
  }));
}

const constantResponse: Contestant = {
  name: 'node:http',
  idType: 'ID',
  takes: ({ customers }) => customers === 'same',
  toCommand: (_, RESPONSE_BODY) => ({ command: program('bare'), environment: { RESPONSE_BODY } }),
};

const gotProxy: Contestant = {
  name: 'node:http + got',
  idType: 'ID',
  takes: isCold,
  toCommand: (UPSTREAM) => ({ command: program('gotProxy'), environment: { UPSTREAM } }),
};

const tailcallPort = 4898;
const tailcallBinary = join(here, 'node_modules/@tailcallhq/core-linux-x64-gnu/bin/tailcall');

/** 1.0.0 is the newest version on npm that runs with the C library of Debian 12. */
const tailcall: Contestant = {
  name: 'Tailcall (silent)',
  idType: 'String',
  takes: ({ asEntities }) => !asEntities,
  toCommand(upstream) {
    const file = join(makeFolder('tailcall-'), 'schema.graphql');
    const url = `${upstream}/entitlements/{{.args.entitlementId}}/customer/{{.args.customerId}}/total`;
    writeFileSync(
      file,
      `schema @server(port: ${tailcallPort}, hostname: "127.0.0.1", workers: 1) @upstream(poolMaxIdlePerHost: 64) { query: Query }
type Query {
  customerEntitlementTotal(entitlementId: String!, customerId: String!): CustomerEntitlementTotal
    @http(url: "${url}", headers: [{ key: "x-api-key", value: "k" }, { key: "organisation", value: "o" }])
    @cache(maxAge: ${maxAgeSeconds * 1000})
}
type CustomerEntitlementTotal { quantity: Float }
`,
    );
    const environment = { TC_TRACKER: 'false', TAILCALL_TRACKER: 'false' };
    return { command: [tailcallBinary, 'start', file], environment, port: tailcallPort };
  },
};

/** Takes no entities: it resolves an entity by a call that returns it by its key, and Zenskar has no such call. */
function hive(): Contestant {
  const bin = (path: string) => [node, join(here, 'node_modules', path)];
  const config = (name: string) => ['--config-path', join(here, 'contestants/hive', name)];
  let supergraph: string | undefined;
  const compose = () => {
    const folder = makeFolder('hive-');
    const file = join(folder, 'supergraph.graphql');
    const compiler = [
      join(here, 'node_modules/@graphql-mesh/compose-cli/esm/bin.js'),
      ...config('compose.ts'),
    ];
    execFileSync(node, [...compiler, '--output', file], { cwd: folder, stdio: 'pipe' });
    return file;
  };
  return {
    name: 'Hive Gateway (silent)',
    idType: 'UUID',
    takes: ({ asEntities }) => !asEntities,
    toCommand: (UPSTREAM) => {
      supergraph ??= compose();
      const gateway = [...bin('@graphql-hive/gateway/dist/bin.js'), 'supergraph', supergraph];
      const environment = { UPSTREAM, HOST: '127.0.0.1', MAX_AGE_SECONDS: String(maxAgeSeconds) };
      return { command: [...gateway, ...config('gateway.ts')], environment };
    },
  };
}

function makeFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  return folder;
}
