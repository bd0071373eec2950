import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCertificate } from '../support/certificate.ts';
import { useGatewayProcesses } from '../support/gatewayProcesses.ts';
import { describeIfInstalled, useServers } from '../support/redis.ts';
import { createRedisCluster } from '../support/redisCluster.ts';
import { createRedisServer } from '../support/redisServer.ts';

describeIfInstalled('a Redis whose certificate is of a private CA', () => {
  const folder = join(tmpdir(), `redis-tls-${randomUUID()}`);
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')] as const;
  beforeAll(() => {
    const certificate = createCertificate();
    mkdirSync(folder);
    writeFileSync(cert, certificate.cert);
    writeFileSync(key, certificate.key);
  });
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
  const args = [...files, '--tls-auth-clients', 'no'];
  const server = createRedisServer({ args, tls: true });
  const cluster = createRedisCluster({ args: [...args, '--tls-cluster', 'yes'], tls: true });
  useServers(server, cluster);
  const { start } = useGatewayProcesses();
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['a server', () => server.url],
    ['a cluster', () => cluster.url],
  ])('is used by a gateway with NODE_EXTRA_CA_CERTS, as %s', async (_, url) => {
    const gateway = start({ REDIS_URL: url(), NODE_EXTRA_CA_CERTS: cert });
    const [line] = await gateway.printed(/.*"redisChanged".*/);
    expect(JSON.parse(line)).toMatchObject({ state: 'up' });
  });

  it.each([
    ['a server', () => server.url],
    ['a cluster', () => cluster.url],
  ])('is not used without NODE_EXTRA_CA_CERTS, as %s', async (_, url) => {
    const gateway = start({ REDIS_URL: url() });
    const [line] = await gateway.printed(/.*"redisChanged".*/);
    expect(JSON.parse(line)).toMatchObject({
      state: 'down',
      reason: expect.stringMatching(/self-signed certificate/),
    });
  });
});
