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
import { describeIfInstalled } from '../support/redis.ts';
import { createRedisServer } from '../support/redisServer.ts';

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

/** Runs the doctor; returns its output, which never contains a secret, and its exit code. */
async function runDoctor(args: readonly string[], environment: Readonly<Record<string, string>>) {
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

describe('doctor as a program', () => {
  it('exits with 0 when it finds no problem', async () => {
    const { exitCode, output } = await runDoctor(ids, { ...credentials, ZENSKAR_URL: simulated });
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^ok {6}upstream: .+ with a valid total\.$/m);
    expect(output).toMatch(/\nNo problem found\.\n$/);
  });

  it('prints the transcript of docs/troubleshooting.md and exits with 1 if there is a problem', async () => {
    const page = await readFile(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
    const [, section = ''] = page.split('## Doctor\n');
    const [, sample = ''] = /```text\n([^`]+)```/.exec(section) ?? [];
    const redisPort = await findFreePort();
    const { exitCode, output } = await runDoctor(
      ['--entitlement', entitlement, '--customer', customerOf('0403')],
      {
        ...credentials,
        ZENSKAR_URL: simulated,
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      },
    );
    const withoutNumbers = (text: string) => text.replaceAll(/\d+\.\d s|127\.0\.0\.1:\d+/g, 'N');
    expect(withoutNumbers(output)).toBe(withoutNumbers(sample));
    expect(exitCode).toBe(1);
  });

  it('prints the same findings as one JSON document with --json', async () => {
    const { exitCode, output } = await runDoctor([...ids, '--json'], {
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
        HTTPS_PROXY: 'not set',
        HTTP_PROXY: 'not set',
        PURGE_TOKEN: 'not set',
        OTEL_EXPORTER_OTLP_HEADERS: 'not set',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'not set',
      },
      findings: [
        { check: 'configuration', status: 'ok', reason: 'All variables are valid.' },
        { check: 'redis', status: 'skipped', reason: expect.any(String), next: expect.any(String) },
        { check: 'jwks', status: 'skipped', reason: expect.any(String), next: expect.any(String) },
        { check: 'upstream', status: 'ok', reason: expect.stringContaining('with a valid total') },
        { check: 'clock', status: 'ok', reason: expect.stringContaining('The clock is within') },
        { check: 'connections', status: 'ok', reason: expect.any(String), next: expect.any(String) },
      ],
    });
  });

  it('prints all problems of an invalid configuration and exits with 78', async () => {
    const environment = { ZENSKAR_API_KY: apiKey, ZENSKAR_ORGANISATION: organisation, PORT: 'http' };
    const { exitCode, output } = await runDoctor([], {
      ...environment,
      REDIS_URL: `http://:${apiKey}@redis`,
    });
    expect(exitCode).toBe(78);
    const next = 'Next: Correct it. Until then the gateway does not start.';
    const skipped = 'The configuration is invalid. Next: Correct the configuration first.';
    expect(output).toBe(
      [
        'Variables (of a secret, only whether it is set):',
        '  PORT=http',
        '  ZENSKAR_API_KEY=not set',
        '  ZENSKAR_ORGANISATION=set',
        '  REDIS_URL=set',
        '  ROUTER_SECRET=not set',
        '  HTTPS_PROXY=not set',
        '  HTTP_PROXY=not set',
        '  PURGE_TOKEN=not set',
        '  OTEL_EXPORTER_OTLP_HEADERS=not set',
        '  OTEL_EXPORTER_OTLP_TRACES_HEADERS=not set',
        '',
        `problem configuration: PORT is "http"; expected a whole number from 0 to 65535. ${next}`,
        `problem configuration: REDIS_URL has a value that is not shown here; expected redis or rediss URLs without query or fragment, separated by commas. ${next}`,
        `problem configuration: ZENSKAR_API_KEY is missing; it is required with AUTH_MODE=none. ${next}`,
        `problem configuration: ZENSKAR_API_KY is not a variable of the gateway; did you mean ZENSKAR_API_KEY? ${next}`,
        ...['redis', 'jwks', 'upstream', 'clock', 'connections'].map(
          (check) => `skipped ${check}: ${skipped}`,
        ),
        '',
        '4 problems found.',
        '',
      ].join('\n'),
    );
  });

  it('reads secrets from files, and prints no path that cannot be read', async () => {
    const path = await store('key', `${apiKey}\n`);
    const good = { ZENSKAR_API_KEY_FILE: path, ZENSKAR_ORGANISATION: organisation, ZENSKAR_URL: simulated };
    const fromFile = await runDoctor(ids, good);
    expect(fromFile).toEqual({
      exitCode: 0,
      output: expect.stringContaining(`  ZENSKAR_API_KEY_FILE=${path}\n`),
    });
    const mistaken = await runDoctor(ids, { ...good, ZENSKAR_API_KEY_FILE: apiKey });
    expect(mistaken).toEqual({
      exitCode: 78,
      output: expect.stringContaining(
        '  ZENSKAR_API_KEY_FILE=set, but not shown: no file can be read there\n',
      ),
    });
  });

  it('prints no URL with a password, and no secret that another variable holds', async () => {
    const { exitCode, output } = await runDoctor([], {
      ...credentials,
      ZENSKAR_URL: 'https://user:mellon@127.0.0.1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:mellon@collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://user:mellon@collector:4318/v1/traces',
      LOG_LEVEL: apiKey,
    });
    expect(exitCode).toBe(78);
    for (const name of ['ZENSKAR_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) {
      expect(output).toContain(`  ${name}=set, but not shown: it may contain a password\n`);
    }
    expect(output).toContain('  LOG_LEVEL=(secret)\n');
    expect(output).not.toContain('mellon');
  });

  it.each([
    [['--entitlement', entitlement]],
    [['--entitlement', entitlement, '--customer', 'no-uuid']],
    [['--entitlement', entitlement, '--customer', apiKey]],
    [['--nothing']],
    [[apiKey]],
  ])('rejects the arguments %j with exit code 64', async (args) => {
    const { exitCode, output } = await runDoctor(args, {});
    expect(exitCode).toBe(64);
    expect(output).toMatch(/^Expected .+\n\nChecks the configuration.+ --entitlement UUID/s);
  });

  it('prints its usage with --help', async () => {
    const { exitCode, output } = await runDoctor(['--help'], {});
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^Checks the configuration.+ --json .+Exit codes: 0 /s);
  });
});

describe('doctor, certificate of a trusted authority', () => {
  /** What the doctor prints about a server with this certificate. */
  async function check(wanted: Parameters<typeof createCertificate>[0]): Promise<string> {
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
      const { output } = await runDoctor([], environment);
      return /^.*upstream: (.*)$/m.exec(output)?.[1] ?? '';
    } finally {
      server.close();
    }
  }

  it('accepts a valid certificate', async () => {
    expect(await check({})).toMatch(/^Zenskar answered /);
  });

  it('reports a certificate that has expired or is not yet valid', async () => {
    const longAgo = new Date('2020-01-01T00:00:00Z');
    const farOff = new Date('2048-01-01T00:00:00Z');
    expect(await check({ notBefore: longAgo, notAfter: new Date('2020-02-01T00:00:00Z') })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ has expired or is not yet valid \(CERT_HAS_EXPIRED\)\. Next: Check this machine's clock\. /,
    );
    expect(await check({ notBefore: farOff, notAfter: new Date('2049-01-01T00:00:00Z') })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ has expired or is not yet valid \(CERT_NOT_YET_VALID\)\. /,
    );
  });

  it('reports a certificate for another host', async () => {
    expect(await check({ address: '127.0.0.2' })).toMatch(
      /^TLS failure: the certificate of 127\.0\.0\.1:\d+ is for another host \(ERR_TLS_CERT_ALTNAME_INVALID\)\. Next: Correct the host in ZENSKAR_URL\. /,
    );
  });
});

describeIfInstalled('doctor, check of Redis with TLS', () => {
  /** What the doctor, which trusts its certificate, prints about a Redis with TLS. */
  async function check(authClients: string): Promise<string> {
    const { cert, key } = createCertificate();
    const trusted = await store('redis-certificate.pem', cert);
    const files = ['--tls-cert-file', trusted, '--tls-key-file', await store('redis-key.pem', key)];
    const args = [...files, '--tls-ca-cert-file', trusted, '--tls-auth-clients', authClients];
    const server = createRedisServer({ args, tls: true });
    await server.start();
    const { output } = await runDoctor([], {
      ...credentials,
      ZENSKAR_URL: simulated,
      REDIS_URL: server.url,
      NODE_EXTRA_CA_CERTS: trusted,
    });
    await server.remove();
    return /^.*redis: (.*)$/m.exec(output)?.[1] ?? '';
  }

  it('accepts a certificate of a trusted authority', async () => {
    expect(await check('no')).toMatch(
      /^Redis answers in \d+\.\d ms and takes all commands of the gateway\.$/,
    );
  });

  it('reports a Redis that requires a certificate of its clients', async () => {
    expect(await check('yes')).toMatch(
      /^TLS failure: the Redis at 127\.0\.0\.1:\d+ requires a certificate of its clients, and the gateway has none \(.+\)\. Next: Set tls-auth-clients to no in Redis, and let a password protect it\. Until then each replica has its own cache\.$/,
    );
  });
});
