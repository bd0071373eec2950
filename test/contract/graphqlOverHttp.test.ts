import { describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { useGateway } from '../support/gateway.ts';

/** Optional recommendations that Apollo Server does not follow. Anything else that appears here is news. */
const known: Readonly<Record<string, string>> = {};

describe("the GraphQL over HTTP specification's audit", () => {
  const gateway = useGateway();
  const audits = serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn: fetch });

  it('finds no error, and no warning or notice beyond the known ones', async () => {
    const results = await Promise.all(audits.map((audit) => audit.fn()));
    const findings = results.filter(({ status }) => status !== 'ok').map(({ id, status }) => [id, status]);
    expect(results.length).toBeGreaterThan(50);
    expect(Object.fromEntries(findings)).toEqual(known);
  });
});
