import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from '@jest/globals';
import { type Gateway, until, useReplicas } from '../support/gateway.ts';
import { customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { observeRedis } from '../support/observedRedis.ts';
import { describeWithRedisOrCluster } from '../support/redis.ts';

const token = 'purge-token-0123456789';
const pointsPerMinute = 8;
/** The command of the documentation. */
const line = /^ACL SETUSER gateway .*$/m.exec(readFileSync('docs/redis.md', 'utf8'))?.[0] ?? '';
const rights = line.replace('PASSWORD', 's3cret').split(' ').slice(3);

describeWithRedisOrCluster('the rights of the documentation', (redis) => {
  const toUrl = () => redis.url.replaceAll('//', '//gateway:s3cret@');
  const isCluster = () => redis.url.includes(',');
  const granted = () => [...rights, ...(isCluster() ? ['+cluster|slots'] : [])];
  const setUser = (...changes: string[]) => redis.sendToAll('ACL', 'SETUSER', 'gateway', ...changes);
  const refusals = async () => (await redis.sendToAll('ACL', 'LOG')).flat();
  beforeAll(() => setUser(...granted()));
  const gateways = useReplicas(2, () => ({
    REDIS_URL: toUrl(),
    PURGE_TOKEN: token,
    UPSTREAM_RETRIES: '0',
    RATE_LIMIT_PER_MINUTE: `${pointsPerMinute}`,
    TRUSTED_PROXIES: '127.0.0.1',
  }));
  const [one, two] = gateways as [Gateway, Gateway];
  const untilUp = () => until(() => gateways.every(isUp));
  let count = 0;

  /** Does everything that needs Redis, as a caller with a new rate limit, which it exceeds. */
  async function useRedis(): Promise<void> {
    count += 1;
    const init = { headers: { 'x-forwarded-for': `192.0.${count >> 8}.${count & 255}` } };
    const variables = { entitlementId: entitlement, customerId: customerOf(`${1000 + count}`) };
    for (const gateway of gateways) await gateway.gql(totalQuery, variables, init);
    const query = `query Number${count} { __typename }`;
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    for (const [gateway, body] of [
      [one, { query, extensions }],
      [two, { extensions }],
    ] as const)
      await gateway.gql('', {}, { ...init, body: JSON.stringify(body) });
    await purge(one, variables.customerId);
    one.simulator.overall = { mode: 'as', code: '0404' };
    await two.gql(totalQuery, variables, init);
    one.simulator.overall = { mode: 'as', code: '0429' };
    await one.gql(totalQuery, { ...variables, entitlementId: idOf(count) }, init);
    one.simulator.overall = { mode: 'ok' };
    // Longer than the pause that the 429 began.
    one.advance(2000);
    for (let n = 0; n < pointsPerMinute; n += 1) await two.gql('{ __typename }', {}, init);
  }

  it('suffice: nothing is refused, and Redis is up', async () => {
    await untilUp();
    await useRedis();
    expect(await refusals()).toEqual([]);
    expect(gateways.flatMap(({ wholeLog }) => wholeLog.filter(({ msg }) => msg === 'redisRefused'))).toEqual(
      [],
    );
    await untilUp();
  });

  it('are all needed: without any of them, something is refused', async () => {
    for (const right of granted().filter((each) => each.startsWith('+'))) {
      await redis.sendToAll('ACL', 'LOG', 'RESET');
      await setUser(right.replace('+', '-'));
      await redis.sendToAll('CLIENT', 'KILL', 'USER', 'gateway');
      const another = observeRedis(() => toUrl().split(','));
      another.start();
      while ((await refusals()).length === 0) await useRedis();
      another.stop();
      expect(JSON.stringify(await refusals())).toContain(right.slice(1));
      await setUser(right);
      // A refused command is allowed again when it succeeds.
      do await useRedis();
      while (!gateways.every(isUp));
    }
  }, 90_000);
});

const isUp = ({ wholeLog }: Gateway) =>
  wholeLog.findLast(({ msg }) => msg === 'redisChanged')?.state === 'up';

async function purge({ adminUrl }: Gateway, customerId: string): Promise<void> {
  await fetch(`${adminUrl}/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ customerId }),
  });
}
