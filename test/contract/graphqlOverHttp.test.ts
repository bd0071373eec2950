import { describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { useGateway } from '../support/gateway.ts';

/** Recommendations that are not followed, by the audit's ids. Anything else that appears is news. */
const known: Readonly<Record<string, string>> = {
  // GET without a header that a foreign page could not send: refused as a possible forgery.
  '5A70': 'notice',
  D6D5: 'notice',
  '6A70': 'notice',
  // A document that does not parse or validate is answered with 400, also under application/json.
  '572B': 'warn',
  FDE2: 'warn',
  // The audit's document uses the type ID, which this schema does not have, so it never comes to coercion.
  '7B9B': 'warn',
};

describe("the GraphQL over HTTP specification's audit", () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true' });
  const audits = serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn: fetch });

  it('finds no error, and no warning or notice beyond the known ones', async () => {
    const results = await Promise.all(audits.map((audit) => audit.fn()));
    const findings = results.filter(({ status }) => status !== 'ok').map(({ id, status }) => [id, status]);
    expect(results.length).toBeGreaterThan(50);
    expect(Object.fromEntries(findings)).toEqual(known);
  });
});
