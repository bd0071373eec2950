import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { createCertificate } from '../support/certificate.ts';
import { useCollector } from '../support/collector.ts';
import { findFreePort } from '../support/freePort.ts';
import { until } from '../support/gateway.ts';
import { apiKey, customer, entitlement, expectedQuantity, idOf, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { type Process, run, runGateway } from '../support/process.ts';
import { hiddenAddress, startProxy, startTls, type TestProxy } from '../support/proxy.ts';
import { describeWithRedis } from '../support/redis.ts';

const simulator = createSimulator();
const issuer = useIssuer();
const collector = useCollector();
const running: Process[] = [];
const stops: (() => unknown)[] = [];
const certificate = createCertificate({ address: hiddenAddress });
const password = 'proxy-password-0123';
const authorization = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
let upstream: string;
let secureUpstream: string;
let proxy: TestProxy;
let trust: Record<string, string>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-proxy-'));
  const file = join(folder, 'certificate.pem');
  await writeFile(file, certificate.cert);
  trust = { NODE_EXTRA_CA_CERTS: file };
  upstream = await simulator.start('127.0.0.1', 0);
  secureUpstream = (await secure(upstream)).url;
  stops.push(simulator.stop, () => rm(folder, { recursive: true }));
});
afterAll(async () => {
  for (const stop of stops) await stop();
});
beforeEach(async () => {
  proxy = await startProxy();
});
afterEach(async () => {
  for (const { signal, exited } of running.splice(0)) {
    signal('SIGKILL');
    await exited;
  }
  proxy.stop();
});

async function secure(url: string) {
  const server = await startTls(certificate, url);
  stops.unshift(server.stop);
  return server;
}

const toProxyUrl = () => `http://me:${password}@127.0.0.1:${proxy.port}`;

async function start(environment: Record<string, string>) {
  const gateway = runGateway({
    ADMIN_PORT: '0',
    LOG_LEVEL: 'debug',
    ZENSKAR_URL: secureUpstream,
    UPSTREAM_RETRIES: '0',
    ...trust,
    ...environment,
  });
  running.push(gateway);
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
  const ask = async (customerId = customer, headers = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }),
    });
    return response.json();
  };
  return { gateway, ask };
}

function totalOf(customerId: string) {
  return { data: { customerEntitlementTotal: { quantity: expectedQuantity({ customerId }) } } };
}

const transports = ['got', 'undici'] as const;

describe.each(transports)('upstream calls through a proxy with %s', (UPSTREAM_TRANSPORT) => {
  it.each(['HTTPS_PROXY', 'https_proxy'])(
    'reuse one tunnel, and show the proxy of %s no key',
    async (variable) => {
      const { gateway, ask } = await start({ UPSTREAM_TRANSPORT, [variable]: toProxyUrl() });
      for (const id of [idOf(1), idOf(2), idOf(3)]) expect(await ask(id)).toEqual(totalOf(id));
      const target = new URL(secureUpstream).host;
      expect(proxy.tunnels).toEqual([{ target, authorization }]);
      expect(proxy.forwarded).toEqual([]);
      expect(proxy.tunnelled()).not.toContain(apiKey);
      expect(gateway.output()).not.toContain(password);
      // Node prints no warning either.
      for (const line of gateway.output().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
    },
  );

  it('reach the proxy itself by TLS if its URL is an https one', async () => {
    const secureProxy = await startTls(createCertificate(), `http://127.0.0.1:${proxy.port}`);
    stops.unshift(secureProxy.stop);
    const HTTPS_PROXY = `https://me:${password}@localhost:${secureProxy.port}`;
    const { ask } = await start({ UPSTREAM_TRANSPORT, HTTPS_PROXY, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    for (const id of [idOf(1), idOf(2)]) expect(await ask(id)).toEqual(totalOf(id));
    expect(proxy.tunnels).toEqual([{ target: new URL(secureUpstream).host, authorization }]);
  });

  it('go to http upstreams through HTTP_PROXY without a tunnel', async () => {
    const url = `http://${hiddenAddress}:${new URL(upstream).port}`;
    const { ask } = await start({ UPSTREAM_TRANSPORT, ZENSKAR_URL: url, HTTP_PROXY: toProxyUrl() });
    for (const id of [idOf(1), idOf(2)]) expect(await ask(id)).toEqual(totalOf(id));
    expect(proxy.tunnels).toEqual([]);
    expect(proxy.forwarded).toMatchObject(
      [idOf(1), idOf(2)].map((id) => ({
        url: `${url}/entitlements/${entitlement}/customer/${id}/total`,
        headers: { 'proxy-authorization': authorization, host: new URL(url).host },
      })),
    );
  });

  it.each([
    ['HTTP_PROXY alone', () => ({ HTTP_PROXY: toProxyUrl() })],
    ['NO_PROXY', () => ({ HTTPS_PROXY: toProxyUrl(), NO_PROXY: 'localhost,192.0.2.0/24' })],
    ['no_proxy', () => ({ https_proxy: toProxyUrl(), no_proxy: hiddenAddress, NO_PROXY: '' })],
  ])('go to https upstreams without a proxy with %s', async (_, environment) => {
    const { ask } = await start({
      UPSTREAM_TRANSPORT,
      UPSTREAM_ATTEMPT_TIMEOUT_MS: '200',
      ...environment(),
    });
    expect(await ask()).toMatchObject({ errors: [{ extensions: { retryable: true } }] });
    expect(proxy.tunnels).toEqual([]);
  });

  it('fail with UPSTREAM_UNAVAILABLE if no proxy listens', async () => {
    const https_proxy = `http://127.0.0.1:${await findFreePort()}`;
    const { gateway, ask } = await start({ UPSTREAM_TRANSPORT, https_proxy });
    expect(await ask()).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }] });
    await gateway.printed(/"result":"connection","reason":"ECONNREFUSED"/);
  });

  it.each([
    [407, { got: 'ERR_PROXY_TUNNEL', undici: 'UND_ERR_ABORTED' }],
    [503, { got: 'ERR_PROXY_TUNNEL', undici: 'UND_ERR_ABORTED' }],
    [0, { got: 'ERR_PROXY_TUNNEL', undici: 'UND_ERR_PRX_CONN' }],
  ])('fail with UPSTREAM_UNAVAILABLE if the proxy answers CONNECT with %s', async (status, reasons) => {
    proxy.status = status;
    const { gateway, ask } = await start({ UPSTREAM_TRANSPORT, HTTPS_PROXY: toProxyUrl() });
    expect(await ask()).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }] });
    await gateway.printed(new RegExp(`"result":"connection","reason":"${reasons[UPSTREAM_TRANSPORT]}"`));
    expect(gateway.output()).not.toContain(password);
    proxy.status = 200;
    expect(await ask()).toEqual(totalOf(customer));
  });
});

describe('other calls through a proxy', () => {
  it('fetch the key set and export traces, each in its own tunnel', async () => {
    const issuerEnvironment = issuer.environment();
    const keys = new URL(issuerEnvironment.JWT_JWKS_URL || '');
    const secureKeys = await secure(keys.origin);
    const secureCollector = await secure(collector.url);
    const { gateway, ask } = await start({
      ...issuerEnvironment,
      JWT_JWKS_URL: secureKeys.url + keys.pathname,
      OTEL_EXPORTER_OTLP_ENDPOINT: secureCollector.url,
      OTEL_EXPORTER_OTLP_CERTIFICATE: trust.NODE_EXTRA_CA_CERTS ?? '',
      OTEL_BSP_SCHEDULE_DELAY: '5',
      HTTPS_PROXY: toProxyUrl(),
    });
    const token = await issuer.sign(Date.now(), { claims: { customer_id: customer } });
    expect(await ask(customer, { authorization: `Bearer ${token}` })).toEqual(totalOf(customer));
    await until(() => collector.spans.length > 0);
    const targets = proxy.tunnels.map(({ target }) => target);
    expect(new Set(targets)).toEqual(
      new Set([secureKeys.url, secureCollector.url, secureUpstream].map((url) => new URL(url).host)),
    );
    expect(new Set(proxy.tunnels.map((tunnel) => tunnel.authorization))).toEqual(new Set([authorization]));
    expect(gateway.output()).not.toContain(password);
  });

  it('fetch the key set and export traces through HTTP_PROXY if their URLs are http ones', async () => {
    const issuerEnvironment = issuer.environment();
    const hide = (url = '') => url.replace('127.0.0.1', hiddenAddress);
    const { ask } = await start({
      ...issuerEnvironment,
      ZENSKAR_URL: hide(upstream),
      JWT_JWKS_URL: hide(issuerEnvironment.JWT_JWKS_URL),
      OTEL_EXPORTER_OTLP_ENDPOINT: hide(collector.url),
      OTEL_BSP_SCHEDULE_DELAY: '5',
      http_proxy: toProxyUrl(),
    });
    const token = await issuer.sign(Date.now(), { claims: { customer_id: customer } });
    expect(await ask(customer, { authorization: `Bearer ${token}` })).toEqual(totalOf(customer));
    await until(() => collector.spans.length > 0);
    expect(new Set(proxy.forwarded.map(({ url }) => new URL(url ?? '').origin))).toEqual(
      new Set(
        [upstream, issuerEnvironment.JWT_JWKS_URL, collector.url].map((url) => new URL(hide(url)).origin),
      ),
    );
    expect(new Set(proxy.forwarded.map(({ headers }) => headers['proxy-authorization']))).toEqual(
      new Set([authorization]),
    );
    expect(proxy.tunnels.map(({ target }) => target)).toEqual([]);
  });

  async function diagnose(environment: Record<string, string>) {
    const credentials = { ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: 'organisation' };
    const jwt = { AUTH_MODE: 'jwt', JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'totals' };
    const doctor = run(['src/cli/doctor.ts'], {
      ...credentials,
      ...jwt,
      ZENSKAR_URL: secureUpstream,
      JWT_JWKS_URL: `${secureUpstream}/keys`,
      ...trust,
      ...environment,
    });
    expect(await doctor.exited).toBe(1);
    expect(doctor.output()).not.toContain(password);
    return [...doctor.output().matchAll(/^problem (?:upstream|jwks): .*$/gm)].map(([line]) => line);
  }

  it.each(transports)('of the doctor with %s name a proxy that is down', async (UPSTREAM_TRANSPORT) => {
    const port = await findFreePort();
    const HTTPS_PROXY = `http://me:${password}@127.0.0.1:${port}`;
    const next = 'Next: Correct host and port in HTTPS_PROXY. If they are correct, start the service there.';
    const refused = `Connection refused: no service listens at the proxy 127.0.0.1:${port}`;
    expect(await diagnose({ UPSTREAM_TRANSPORT, HTTPS_PROXY })).toEqual([
      `problem jwks: ${refused} (fetch failed: connect ECONNREFUSED 127.0.0.1:${port}). ${next}`,
      `problem upstream: ${refused} (ECONNREFUSED). ${next}`,
    ]);
  });

  it.each(transports)('of the doctor with %s name a proxy that refuses', async (UPSTREAM_TRANSPORT) => {
    proxy.status = 407;
    const way = `${new URL(secureUpstream).host} through the proxy 127.0.0.1:${proxy.port}`;
    const reason = UPSTREAM_TRANSPORT === 'got' ? 'ERR_PROXY_TUNNEL' : 'UND_ERR_ABORTED';
    const next =
      'Next: Correct user and password in HTTPS_PROXY, allow the host in the proxy, or add it to NO_PROXY if it is reached without one.';
    expect(await diagnose({ UPSTREAM_TRANSPORT, HTTPS_PROXY: toProxyUrl() })).toEqual([
      `problem jwks: Proxy failure: no tunnel to ${way} (fetch failed: Proxy response (407) !== 200 when HTTP Tunneling). ${next}`,
      `problem upstream: Proxy failure: no tunnel to ${way} (${reason}). ${next}`,
    ]);
  });

  it('of the doctor reach Zenskar', async () => {
    const doctor = run(['src/cli/doctor.ts'], {
      ZENSKAR_API_KEY: apiKey,
      ZENSKAR_ORGANISATION: 'organisation',
      ZENSKAR_URL: secureUpstream,
      https_proxy: toProxyUrl(),
      ...trust,
    });
    expect(await doctor.exited).toBe(0);
    expect(doctor.output()).toMatch(/^ok +upstream: Zenskar answered/m);
    expect(doctor.output()).toContain('  HTTPS_PROXY=set\n');
    expect(doctor.output()).not.toContain(password);
    expect(proxy.tunnels).toEqual([{ target: new URL(secureUpstream).host, authorization }]);
  });
});

describeWithRedis('Redis and a proxy', { own: false }, (redis) => {
  it('connects to Redis without the proxy', async () => {
    const { gateway, ask } = await start({
      REDIS_URL: redis.url,
      HTTPS_PROXY: toProxyUrl(),
      HTTP_PROXY: toProxyUrl(),
    });
    await gateway.printed(/"state":"up"/);
    expect(await ask()).toEqual(totalOf(customer));
    expect(proxy.tunnels).toEqual([{ target: new URL(secureUpstream).host, authorization }]);
    expect(proxy.forwarded).toEqual([]);
  });
});
