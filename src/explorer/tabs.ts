/** A tab of GraphiQL: an operation and its variables as JSON. */
type Tab = { query: string; variables: string };

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const customerId = '9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d';

/** Customers for which the simulator returns errors: 422 always, 503 after the first response. */
const rejected = '00000000-0000-4000-8000-000000000422';
const failing = '00000000-0000-4000-8000-000000001503';

/** Requests a total that the simulator returns once; the demo requests it at its start, so that it becomes stale. */
export const staleTab: Tab = {
  query: `# In the demo Zenskar returned this total once and fails
# since then. After half a minute the total is stale.
${toTotalQuery('Stale')}`,
  variables: toJson({ entitlementId, customerId: failing }),
};

/** The tabs on the first visit. The ids exist in the demo. */
export const tabs: readonly Tab[] = [
  {
    query: `# These ids exist in the demo.
${toTotalQuery('OneTotal')}`,
    variables: toJson({ entitlementId, customerId }),
  },
  {
    query: `# Any mix of customers, entitlements and windows.
${toTotalsQuery('FiftyTotals')}`,
    variables: toJson({ requests: Array.from({ length: 50 }, toRequest) }),
  },
  {
    query: `# Zenskar rejects the date of the second request (422).
# The error names the argument; the first total is returned.
${toTotalsQuery('Refused')}`,
    variables: toJson({
      requests: [
        { entitlementId, customerId },
        { entitlementId, customerId: rejected, startDate: 1767225600 },
      ],
    }),
  },
  staleTab,
  {
    query: `# The request of a router that adds totals to customers
# of another subgraph.
query Entities($representations: [_Any!]!) {
  _entities(representations: $representations) {
    ... on Customer {
      id
      entitlementTotal(
        entitlementId: "${entitlementId}"
      ) {
        quantity
      }
    }
  }
}
`,
    variables: toJson({
      representations: [1, 2, 3].map((n) => ({ __typename: 'Customer', id: toCustomerId(n) })),
    }),
  },
];

function toTotalQuery(name: string): string {
  return `query ${name}($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(
    entitlementId: $entitlementId
    customerId: $customerId
  ) {
    quantity
    asOf
    stale
  }
}
`;
}

function toTotalsQuery(name: string): string {
  return `query ${name}(
  $requests: [CustomerEntitlementTotalRequest!]!
) {
  customerEntitlementTotals(requests: $requests) {
    customerId
    quantity
  }
}
`;
}

function toRequest(_: unknown, index: number) {
  return { entitlementId, customerId: toCustomerId(index + 1) };
}

function toCustomerId(n: number): string {
  return `9a8b7c6d-1e2f-4a3b-8c4d-${String(n).padStart(12, '0')}`;
}

function toJson(variables: object): string {
  return JSON.stringify(variables, undefined, 2);
}
