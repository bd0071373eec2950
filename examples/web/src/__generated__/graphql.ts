/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** One total to load: an entitlement, a customer and a window. */
export type CustomerEntitlementTotalRequest = {
  /** Id of the customer. */
  customerId: string;
  /** End of the window in Unix seconds. Omit it for a window without an end. */
  endDate?: number | null | undefined;
  /** Id of the entitlement. */
  entitlementId: string;
  /** Start of the window in Unix seconds. Omit it for a window without a start. */
  startDate?: number | null | undefined;
};

export type TotalsQueryVariables = Exact<{
  requests: Array<CustomerEntitlementTotalRequest> | CustomerEntitlementTotalRequest;
}>;


export type TotalsQuery = { customerEntitlementTotals: Array<{ quantity: number | null, asOf: string, stale: boolean } | null> };


export const TotalsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Totals"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"requests"}},"type":{"kind":"NonNullType","type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CustomerEntitlementTotalRequest"}}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"customerEntitlementTotals"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"requests"},"value":{"kind":"Variable","name":{"kind":"Name","value":"requests"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"quantity"}},{"kind":"Field","name":{"kind":"Name","value":"asOf"}},{"kind":"Field","name":{"kind":"Name","value":"stale"}}]}}]}}]} as unknown as DocumentNode<TotalsQuery, TotalsQueryVariables>;