/** One of GraphiQL's tabs: an operation and, as JSON, its variables. */
export type Tab = { query: string; variables?: string };

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const customerId = '9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d';

/** Customers with which the simulator misbehaves as the last digits say. */
const refused = '00000000-0000-4000-8000-000000000422';
const failsLater = '00000000-0000-4000-8000-000000001503';

/** Asks for a number that the simulator gives once. */
export const staleTab = {
  query: `# The demo's Zenskar gave this number once and fails
# ever since. Half a minute later it is stale: still there.
query Stale($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(
    entitlementId: $entitlementId
    customerId: $customerId
  ) {
    quantity
    asOf
    stale
  }
}
`,
  variables: toJson({ entitlementId, customerId: failsLater }),
} satisfies Tab;

/** What GraphiQL shows who opens it for the first time: each of them answers in the demo. */
export const tabs: readonly Tab[] = [
  {
    query: `# These ids answer in the demo.
query OneTotal($entitlementId: UUID!, $customerId: UUID!) {
  customerEntitlementTotal(
    entitlementId: $entitlementId
    customerId: $customerId
  ) {
    quantity
    asOf
    stale
  }
}
`,
    variables: toJson({ entitlementId, customerId }),
  },
  {
    query: `# Any mix of customers, entitlements and windows.
query FiftyTotals(
  $requests: [CustomerEntitlementTotalRequest!]!
) {
  customerEntitlementTotals(requests: $requests) {
    customerId
    quantity
  }
}
`,
    variables: toJson({ requests: Array.from({ length: 50 }, toRequest) }),
  },
  {
    query: `# A date is refused (422): the error says which argument
# to mend, and the neighbour has its number.
query Refused(
  $requests: [CustomerEntitlementTotalRequest!]!
) {
  customerEntitlementTotals(requests: $requests) {
    customerId
    quantity
  }
}
`,
    variables: toJson({
      requests: [
        { entitlementId, customerId },
        { entitlementId, customerId: refused, startDate: 1767225600 },
      ],
    }),
  },
  staleTab,
  {
    query: `# How a router asks for the totals of customers
# that another subgraph found.
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

function toRequest(_: unknown, index: number) {
  return { entitlementId, customerId: toCustomerId(index + 1) };
}

function toCustomerId(n: number): string {
  return `9a8b7c6d-1e2f-4a3b-8c4d-${String(n).padStart(12, '0')}`;
}

function toJson(variables: object): string {
  return JSON.stringify(variables, undefined, 2);
}
