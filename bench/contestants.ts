import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Workload } from './workloads.ts';

type Made = { command: string[]; environment: Record<string, string>; cwd?: string };

export type Contestant = {
  name: string;
  idType: string;
  takes: (workload: Workload) => boolean;
  make: (upstream: string, body: string) => Made;
  /** Where it reads its port from a file, or is given one that is not PORT. */
  port?: number;
};

const node = process.execPath;
const here = new URL('.', import.meta.url).pathname;
const root = new URL('..', import.meta.url).pathname;
const own = (name: string) => [node, join(here, 'contestants', `${name}.ts`)];
const always = () => true;

function peer(name: string, file: string): Contestant {
  return {
    name,
    idType: 'ID',
    takes: always,
    make: (UPSTREAM) => ({ command: own(file), environment: { UPSTREAM } }),
  };
}

export function gateway(name: string, environment: Record<string, string> = {}): Contestant {
  const credentials = { ZENSKAR_API_KEY: 'bench-api-key', ZENSKAR_ORGANISATION: 'bench-organisation' };
  // As `npm start` and the image have it.
  const codeCache = { NODE_COMPILE_CACHE: 'node_modules/.cache/node' };
  return {
    name,
    idType: 'UUID',
    takes: always,
    make: (ZENSKAR_URL) => ({
      command: [node, 'src/main.ts'],
      environment: { ...credentials, ...codeCache, ZENSKAR_URL, ADMIN_PORT: '0', ...environment },
      cwd: root,
    }),
  };
}

const tailcallPort = 4898;

function tailcall(): Contestant | undefined {
  const binary = join(here, 'node_modules/@tailcallhq/core-linux-x64-gnu/bin/tailcall');
  try {
    readFileSync(binary);
  } catch {
    return undefined;
  }
  return {
    name: 'Tailcall',
    idType: 'String',
    takes: ({ asEntities }) => !asEntities,
    port: tailcallPort,
    make: (upstream) => {
      const file = join(mkdtempSync(join(tmpdir(), 'tailcall-')), 'schema.graphql');
      const url = `${upstream}/entitlements/{{.args.entitlementId}}/customer/{{.args.customerId}}/total`;
      writeFileSync(
        file,
        `schema @server(port: ${tailcallPort}, hostname: "127.0.0.1", workers: 1) @upstream(poolMaxIdlePerHost: 64) { query: Query }
type Query {
  customerEntitlementTotal(entitlementId: String!, customerId: String!): CustomerEntitlementTotal
    @http(url: "${url}", headers: [{ key: "x-api-key", value: "k" }, { key: "organisation", value: "o" }])
    @cache(maxAge: 30000)
}
type CustomerEntitlementTotal { quantity: Float }
`,
      );
      return {
        command: [binary, 'start', file],
        environment: { TC_TRACKER: 'false', TAILCALL_TRACKER: 'false' },
      };
    },
  };
}

/** No entities: it makes one of a call that answers it by its key alone, and Zenskar has no such call. */
function hive(): Contestant {
  const program = (path: string) => [node, join(here, 'node_modules', path)];
  const config = (name: string) => ['--config-path', join(here, 'contestants/hive', name)];
  let supergraph: string | undefined;
  return {
    name: 'Hive Gateway + OpenAPI',
    idType: 'UUID',
    takes: ({ asEntities }) => !asEntities,
    make: (UPSTREAM) => {
      supergraph ??= compose([...program('@graphql-mesh/compose-cli/esm/bin.js'), ...config('compose.ts')]);
      const gateway = [...program('@graphql-hive/gateway/dist/bin.js'), 'supergraph', supergraph];
      return {
        command: [...gateway, ...config('gateway.ts')],
        environment: { UPSTREAM, HOST: '127.0.0.1' },
      };
    },
  };
}

function compose([program = node, ...rest]: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'hive-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const file = join(folder, 'supergraph.graphql');
  execFileSync(program, [...rest, '--output', file], { cwd: folder, stdio: 'pipe' });
  return file;
}

const bare: Contestant = {
  name: 'bare node:http',
  idType: 'ID',
  takes: ({ variety }) => variety === 'hot',
  make: (_, BODY) => ({ command: own('bare'), environment: { BODY } }),
};

const gotProxy: Contestant = {
  name: 'node:http + got',
  idType: 'ID',
  takes: ({ variety }) => variety === 'cold',
  make: (UPSTREAM) => ({ command: own('gotProxy'), environment: { UPSTREAM } }),
};

export const shipped = gateway('the gateway');
export const withUndici: Contestant = {
  ...gateway('the gateway, undici', { UPSTREAM_TRANSPORT: 'undici' }),
  takes: ({ variety }) => variety === 'cold',
};

export const contestants: readonly Contestant[] = [
  bare,
  gotProxy,
  shipped,
  withUndici,
  peer('Apollo + Express', 'apolloExpress'),
  peer('Apollo, thin listener', 'apolloThin'),
  peer('mercurius + jit', 'mercuriusJit'),
  hive(),
  tailcall(),
].filter((one) => one !== undefined);
