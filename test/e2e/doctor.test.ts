import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { createCertificate } from '../support/certificate.ts';
import { findFreePort } from '../support/freePort.ts';
import { apiKey, customer, customerOf, entitlement, organisation } from '../support/ids.ts';
import { run } from '../support/process.ts';

const simulator = createSimulator();
let simulated: string;
let directory: string;

beforeAll(async () => {
  simulated = await simulator.start('127.0.0.1', 0);
  directory = await mkdtemp(join(tmpdir(), 'doctor-'));
});
afterAll(async () => {
  await simulator.stop();
  await rm(directory, { recursive: true });
});

const credentials = { ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: organisation };
const ids = ['--entitlement', entitlement, '--customer', customer];

/** What the doctor prints, and its exit code; whatever it prints, it holds no secret. */
async function ask(args: readonly string[], environment: Readonly<Record<string, string>>) {
  const doctor = run(['src/cli/doctor.ts', ...args], environment);
  const exitCode = await doctor.exited;
  const output = doctor.output();
  for (const secret of [apiKey, organisation]) expect(output).not.toContain(secret);
  return { exitCode, output };
}

async function store(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

describe('the doctor as a process', () => {
  it('exits with 0 where all is well', async () => {
    const { exitCode, output } = await ask(ids, { ...credentials, ZENSKAR_URL: simulated });
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^ok {6}upstream: .+ with a total as agreed\.$/m);
    expect(output).toMatch(/\nNo problem found\.\n$/);
  });

  it('prints the transcript of docs/troubleshooting.md and exits with 1 if there is a problem', async () => {
    const page = await readFile(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
    const [, section = ''] = page.split('## Doctor\n');
    const [, sample = ''] = /```text\n([^`]+)```/.exec(section) ?? [];
    const redisPort = await findFreePort();
    const { exitCode, output } = await ask(['--entitlement', entitlement, '--customer', customerOf('0403')], {
      ...credentials,
      ZENSKAR_URL: simulated,
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    });
    const withoutNumbers = (text: string) => text.replaceAll(/\d+\.\d s|127\.0\.0\.1:\d+/g, 'N');
    expect(withoutNumbers(output)).toBe(withoutNumbers(sample));
    expect(exitCode).toBe(1);
  });

  it('prints the same facts as one JSON document', async () => {
    const { exitCode, output } = await ask([...ids, '--json'], {
      ...credentials,
      ZENSKAR_URL: simulated,
      PORT: '4000',
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(output)).toEqual({
      exitCode: 0,
      variables: {
        PORT: '4000',
        ZENSKAR_URL: simulated,
        ZENSKAR_API_KEY: 'set',
        ZENSKAR_ORGANISATION: 'set',
        ROUTER_SECRET: 'not set',
        REDIS_URL: 'not set',
        PURGE_TOKEN: 'not set',
        OTEL_EXPORTER_OTLP_HEADERS: 'not set',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'not set',
      },
      findings: [
        { check: 'configuration', status: 'ok', reason: 'All variables can be read and fit together.' },
        { check: 'redis', status: 'skipped', reason: expect.any(String), next: expect.any(String) },
        { check: 'jwks', status: 'skipped', reason: expect.any(String), next: expect.any(String) },
        { check: 'upstream', status: 'ok', reason: expect.stringContaining('with a total as agreed') },
        { check: 'clock', status: 'ok', reason: expect.stringContaining('The clock is within') },
      ],
    });
  });

  it('tells all problems of a configuration that cannot be used, and exits with 78', async () => {
    const environment = { ZENSKAR_API_KY: apiKey, ZENSKAR_ORGANISATION: organisation, PORT: 'http' };
    const { exitCode, output } = await ask([], { ...environment, REDIS_URL: `http://:${apiKey}@redis` });
    expect(exitCode).toBe(78);
    const mend = 'Next: Mend it; until then the gateway does not start.';
    const waiting = 'The configuration cannot be used. Next: Mend the configuration first.';
    expect(output).toBe(
      [
        'Variables (of a secret only whether it is set):',
        '  PORT=http',
        '  ZENSKAR_API_KEY=not set',
        '  ZENSKAR_ORGANISATION=set',
        '  REDIS_URL=set',
        '  ROUTER_SECRET=not set',
        '  PURGE_TOKEN=not set',
        '  OTEL_EXPORTER_OTLP_HEADERS=not set',
        '  OTEL_EXPORTER_OTLP_TRACES_HEADERS=not set',
        '',
        `problem configuration: PORT is "http"; expected a whole number from 0 to 65535. ${mend}`,
        `problem configuration: REDIS_URL has a value that is not shown here; expected a redis or rediss URL. ${mend}`,
        `problem configuration: ZENSKAR_API_KEY is missing; it is required with AUTH_MODE=none. ${mend}`,
        `problem configuration: ZENSKAR_API_KY is not a variable of the gateway; did you mean ZENSKAR_API_KEY? ${mend}`,
        ...['redis', 'jwks', 'upstream', 'clock'].map((check) => `skipped ${check}: ${waiting}`),
        '',
        '4 problems found.',
        '',
      ].join('\n'),
    );
  });

  it('reads secrets from files, and shows no path that is none', async () => {
    const path = await store('key', `${apiKey}\n`);
    const good = { ZENSKAR_API_KEY_FILE: path, ZENSKAR_ORGANISATION: organisation, ZENSKAR_URL: simulated };
    const fromFile = await ask(ids, good);
    expect(fromFile).toEqual({
      exitCode: 0,
      output: expect.stringContaining(`  ZENSKAR_API_KEY_FILE=${path}\n`),
    });
    const mistaken = await ask(ids, { ...good, ZENSKAR_API_KEY_FILE: apiKey });
    expect(mistaken).toEqual({
      exitCode: 78,
      output: expect.stringContaining(
        '  ZENSKAR_API_KEY_FILE=set, but not shown: no file can be read there\n',
      ),
    });
  });

  it('shows no URL that may hold a password, nor a secret in the wrong place', async () => {
    const { exitCode, output } = await ask([], {
      ...credentials,
      ZENSKAR_URL: 'https://user:mellon@127.0.0.1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:mellon@collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://user:mellon@collector:4318/v1/traces',
      LOG_LEVEL: apiKey,
    });
    expect(exitCode).toBe(78);
    for (const name of ['ZENSKAR_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) {
      expect(output).toContain(`  ${name}=set, but not shown: it may hold a password\n`);
    }
    expect(output).toContain('  LOG_LEVEL=(secret)\n');
    expect(output).not.toContain('mellon');
  });

  it.each([
    [['--entitlement', entitlement]],
    [['--entitlement', entitlement, '--customer', 'nobody']],
    [['--entitlement', entitlement, '--customer', apiKey]],
    [['--nothing']],
    [[apiKey]],
  ])('refuses the arguments %j with exit code 64', async (args) => {
    const { exitCode, output } = await ask(args, {});
    expect(exitCode).toBe(64);
    expect(output).toMatch(/^Expected .+\n\nSays what is wrong .+ --entitlement UUID/s);
  });

  it('tells what it can do', async () => {
    const { exitCode, output } = await ask(['--help'], {});
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^Says what is wrong .+ --json .+Exit codes: 0 /s);
  });
});

describe('the doctor, of a certificate that the machine was told to trust,', () => {
  /** What it says of a server with this certificate. */
  async function judge(wanted: Parameters<typeof createCertificate>[0]): Promise<string> {
    const certificate = createCertificate(wanted);
    const trusted = await store('certificate.pem', certificate.cert);
    const server = createServer(certificate, (_, response) =>
      response.writeHead(404).end('{"detail": "unknown"}'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const environment = { ...credentials, ZENSKAR_URL: url, NODE_EXTRA_CA_CERTS: trusted };
      const { output } = await ask([], environment);
      return /^.*upstream: (.*)$/m.exec(output)?.[1] ?? '';
    } finally {
      server.close();
    }
  }

  it('finds nothing where it is good', async () => {
    expect(await judge({})).toMatch(/^Zenskar answered /);
  });

  it('says so where it has expired or is not valid yet', async () => {
    const longAgo = new Date('2020-01-01T00:00:00Z');
    const farOff = new Date('2048-01-01T00:00:00Z');
    expect(await judge({ notBefore: longAgo, notAfter: new Date('2020-02-01T00:00:00Z') })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ has expired \(CERT_HAS_EXPIRED\)\. Next: Check this machine's clock; /,
    );
    expect(await judge({ notBefore: farOff, notAfter: new Date('2049-01-01T00:00:00Z') })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ is not valid yet \(CERT_NOT_YET_VALID\)\./,
    );
  });

  it('says so where it is for another name', async () => {
    expect(await judge({ address: '127.0.0.2' })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ is for another name \(ERR_TLS_CERT_ALTNAME_INVALID\)\. Next: Mend the host in ZENSKAR_URL; /,
    );
  });
});
