import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { mediaTypesOf, rows, runRow, strengthOf } from '../../tools/audit/audit.ts';
import { graphqlType, jsonType, type MediaType, type Row, type Target } from '../../tools/audit/target.ts';
import { useGateway } from '../support/gateway.ts';
import { customer, customerOf, entitlement } from '../support/ids.ts';

const legacyRule =
  'A client that accepts application/json alone gets the status of the time before the edition: routers such as ' +
  '@apollo/gateway drop the reason of a 4xx.';

/** What the gateway does otherwise, with the reason. */
const deviations: Readonly<Record<MediaType, Readonly<Record<string, string>>>> = {
  [graphqlType]: {},
  [jsonType]: {
    'legacy-failure': legacyRule,
    'legacy-unnamed': legacyRule,
    'status-no-data': legacyRule,
    'status-partial': legacyRule,
    'status-no-query': legacyRule,
    'status-no-object': legacyRule,
    'status-operation-name-type': legacyRule,
    'status-variables-type': legacyRule,
    'status-extensions-type': legacyRule,
    'status-get-parameters': legacyRule,
    'status-validation': legacyRule,
    'status-operation': legacyRule,
    'status-coercion': legacyRule,
    'document-unknown-status': legacyRule,
    'status-query-mutation': legacyRule,
  },
};

/** Rules that the gateway has no occasion to keep or to break, with the reason. */
const notApplicable: Readonly<Record<string, string>> = {
  'status-null': 'The fields of the root are nullable or do not fail, so `data` is never null.',
};

const secret = 'router-secret-of-the-audit';
const total = (customerId: string) =>
  `customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customerId}") { quantity }`;
const runs = rows.flatMap((row) => mediaTypesOf(row).map((mediaType) => ({ row, mediaType })));
const deviates = ({ row, mediaType }: (typeof runs)[number]) => Object.hasOwn(deviations[mediaType], row.id);
const applies = ({ row }: (typeof runs)[number]) => !Object.hasOwn(notApplicable, row.id);
const toTitle = ({ row, mediaType }: (typeof runs)[number]) => `${row.title} (${row.id}, ${mediaType})`;

describe('GraphQL over HTTP', () => {
  const gateway = useGateway(
    { AUTH_MODE: 'router', ROUTER_SECRET: secret },
    { headersTimeout: 2000, requestTimeout: 2000, connectionsCheckingInterval: 50 },
  );
  const run = (row: Row, accept: MediaType) => {
    const target: Target = {
      url: `${gateway.url}/graphql`,
      accept,
      headers: { 'x-router-secret': secret },
      query: '{ __typename }',
      partialQuery: `{ known: ${total(customer)} unknown: ${total(customerOf('0404'))} }`,
      nullQuery: undefined,
      slowRequestMs: 10_000,
    };
    return runRow(row, target);
  };

  for (const { row, mediaType } of runs.filter((each) => !deviates(each) && applies(each))) {
    it(toTitle({ row, mediaType }), async () => {
      expect(await run(row, mediaType)).toEqual({ verdict: 'holds', reason: '' });
    });
  }

  for (const { row, mediaType } of runs.filter(deviates)) {
    it(`The gateway deviates, as documented: ${toTitle({ row, mediaType })}`, async () => {
      expect(await run(row, mediaType)).toEqual({ verdict: 'fails', reason: expect.any(String) });
    });
  }

  it('has a row for each documented deviation, and for each rule that does not apply', () => {
    const listed = Object.entries(deviations).flatMap(([type, reasons]) =>
      Object.keys(reasons).map((id) => `${id} ${type}`),
    );
    const deviating = runs.filter(deviates).map(({ row, mediaType }) => `${row.id} ${mediaType}`);
    expect(listed.toSorted()).toEqual(deviating.toSorted());
    const ids = new Set(rows.map(({ id }) => id));
    expect(Object.keys(notApplicable).filter((id) => !ids.has(id))).toEqual([]);
  });

  it('has a distinct id for each row', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });
});

describe('docs/graphql-over-http.md', () => {
  const page = readFileSync(new URL('../../docs/graphql-over-http.md', import.meta.url), 'utf8');
  const toCell = (row: Row, mediaType: MediaType) => {
    if (!mediaTypesOf(row).includes(mediaType) || Object.hasOwn(notApplicable, row.id)) return '';
    return Object.hasOwn(deviations[mediaType], row.id) ? 'deviates' : strengthOf(row, mediaType);
  };

  it('lists each row of the audit, and whether the gateway keeps it', () => {
    const [, table = ''] =
      page.split('| rule | section | with `graphql-response+json` | with `json` |\n|---|---|---|---|\n') ??
      [];
    expect(table.split('\n\n')[0]?.trimEnd().split('\n')).toEqual(
      rows.map(
        (row) =>
          `| \`${row.id}\`: ${row.title} | ${row.section} | ${toCell(row, graphqlType)} | ${toCell(row, jsonType)} |`,
      ),
    );
  });

  it('gives the reason of each deviation, and of each rule that does not apply', () => {
    const reasons = new Set([...Object.values(deviations), notApplicable].flatMap(Object.values));
    for (const reason of reasons) expect(page.replaceAll(/\s+/g, ' ')).toContain(reason);
  });
});
