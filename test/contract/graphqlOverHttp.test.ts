import { describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { rows } from '../../tools/audit/audit.ts';
import { useGateway } from '../support/gateway.ts';

/**
 * Audits of the draft that the edition of September 2026 contradicts, with the rule of `tools/audit/` that has taken their place. The
 * documents of FDE2 and 74FF are not invalid, as their titles say, but cannot be parsed.
 */
const contradicted: Readonly<Record<string, string>> = {
  ...ofRule('status-parse', ['572B', 'FDE2']),
  ...ofRule('status-validation', ['74FF']),
  ...ofRule('status-coercion', ['7B9B', '86EE']),
  ...ofRule('status-no-query', ['423L', 'LKJ0', 'LKJ1', 'LKJ2', 'LKJ3', '3E3A']),
  ...ofRule('status-operation-name-type', ['6C00', '6C01', '6C02', '6C03']),
  ...ofRule('status-variables-type', ['4760', '4761', '4762', '4763']),
  ...ofRule('status-extensions-type', ['58B0', '58B1', '58B2', '58B3']),
};

/** Findings by audit id: the gateway rejects GET without a header that prevents CSRF. */
const known: Readonly<Record<string, string>> = { '5A70': 'notice', D6D5: 'notice', '6A70': 'notice' };

function ofRule(rule: string, auditIds: readonly string[]) {
  return Object.fromEntries(auditIds.map((id) => [id, rule]));
}

describe('the audits of graphql-http, which test the draft before the edition of September 2026', () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true' });
  const audits = serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn: fetch });

  it('report no errors, and only the known notices, where the edition does not contradict them', async () => {
    const kept = audits.filter(({ id }) => !Object.hasOwn(contradicted, id));
    const results = await Promise.all(kept.map((audit) => audit.fn()));
    const findings = results.filter(({ status }) => status !== 'ok').map(({ id, status }) => [id, status]);
    expect(results.length).toBeGreaterThan(35);
    expect(Object.fromEntries(findings)).toEqual(known);
  });

  it('are left out by their ids, each with an existing rule of the edition', () => {
    const auditIds = new Set<string>(audits.map(({ id }) => id));
    const rules = new Set(rows.map(({ id }) => id));
    expect(
      Object.entries(contradicted).filter(([id, rule]) => !auditIds.has(id) || !rules.has(rule)),
    ).toEqual([]);
  });
});
