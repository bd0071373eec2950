import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Total } from '../../totals/total.ts';
import type { Reference, Context } from '../context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** An instant as an RFC 3339 date-time in UTC, such as `2026-01-31T09:30:00.000Z`. */
  DateTime: { input: Date; output: Date; }
  /**
   * A universally unique identifier in its canonical form: lower case, with dashes.
   * Upper-case and braced forms are accepted as input and mean the same.
   */
  UUID: { input: string; output: string; }
  _FieldSet: { input: string; output: string; }
};

/** A customer. Other subgraphs may add to it. */
export type Customer = {
  __typename?: 'Customer';
  /**
   * How much of one entitlement this customer was granted. Null together with an
   * error at this path where the total could not be had.
   */
  entitlementTotal: Maybe<CustomerEntitlementTotal>;
  /**
   * How much of each of several entitlements this customer was granted, in their
   * order; null with an error at its index where a total could not be had.
   */
  entitlementTotals: Array<Maybe<CustomerEntitlementTotal>>;
  /** Zenskar's id of the customer. */
  id: Scalars['UUID']['output'];
};


/** A customer. Other subgraphs may add to it. */
export type CustomerEntitlementTotalArgs = {
  endDate?: InputMaybe<Scalars['Int']['input']>;
  entitlementId: Scalars['UUID']['input'];
  startDate?: InputMaybe<Scalars['Int']['input']>;
};


/** A customer. Other subgraphs may add to it. */
export type CustomerEntitlementTotalsArgs = {
  endDate?: InputMaybe<Scalars['Int']['input']>;
  entitlementIds: Array<Scalars['UUID']['input']>;
  startDate?: InputMaybe<Scalars['Int']['input']>;
};

/** How much of an entitlement a customer was granted, and how current that number is. */
export type CustomerEntitlementTotal = {
  __typename?: 'CustomerEntitlementTotal';
  /** When Zenskar gave this number. */
  asOf: Scalars['DateTime']['output'];
  /** The customer as an entity, for what other subgraphs know of it. */
  customer: Customer;
  /** The customer it was granted to. */
  customerId: Scalars['UUID']['output'];
  /** The entitlement as an entity, for what other subgraphs know of it. */
  entitlement: Entitlement;
  /** The entitlement that was granted. */
  entitlementId: Scalars['UUID']['output'];
  /**
   * Units granted, such as API calls, seats or credits: not what remains of them,
   * and not money. Null where Zenskar states no quantity.
   */
  quantity: Maybe<Scalars['Float']['output']>;
  /**
   * True where the number is older than its freshness time, because Zenskar could
   * not be asked or is being asked.
   */
  stale: Scalars['Boolean']['output'];
};

/** Names one total: which entitlement, which customer, which window. */
export type CustomerEntitlementTotalRequest = {
  /** The customer it was granted to. */
  customerId: Scalars['UUID']['input'];
  /** End of the window in Unix seconds; omit for no end. */
  endDate?: InputMaybe<Scalars['Int']['input']>;
  /** The entitlement that was granted. */
  entitlementId: Scalars['UUID']['input'];
  /** Start of the window in Unix seconds; omit for no start. */
  startDate?: InputMaybe<Scalars['Int']['input']>;
};

/** Something a customer can be granted an amount of. Other subgraphs may add to it. */
export type Entitlement = {
  __typename?: 'Entitlement';
  /**
   * How much of this entitlement one customer was granted. Null together with an
   * error at this path where the total could not be had.
   */
  customerTotal: Maybe<CustomerEntitlementTotal>;
  /** Zenskar's id of the entitlement. */
  id: Scalars['UUID']['output'];
};


/** Something a customer can be granted an amount of. Other subgraphs may add to it. */
export type EntitlementCustomerTotalArgs = {
  customerId: Scalars['UUID']['input'];
  endDate?: InputMaybe<Scalars['Int']['input']>;
  startDate?: InputMaybe<Scalars['Int']['input']>;
};

export type Query = {
  __typename?: 'Query';
  /**
   * How much of one entitlement one customer was granted. Null together with an
   * error at this path where the total could not be had.
   */
  customerEntitlementTotal: Maybe<CustomerEntitlementTotal>;
  /**
   * Any mix of totals in one operation. Answers stand in the order of the
   * requests; a total that could not be had is null, with an error at its index.
   */
  customerEntitlementTotals: Array<Maybe<CustomerEntitlementTotal>>;
};


export type QueryCustomerEntitlementTotalArgs = {
  customerId: Scalars['UUID']['input'];
  endDate?: InputMaybe<Scalars['Int']['input']>;
  entitlementId: Scalars['UUID']['input'];
  startDate?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryCustomerEntitlementTotalsArgs = {
  requests: Array<CustomerEntitlementTotalRequest>;
};



export type ResolverTypeWrapper<T> = Promise<T> | T;

export type ReferenceResolver<TResult, TReference, TContext> = (
      reference: TReference,
      context: TContext,
      info: GraphQLResolveInfo
    ) => Promise<TResult> | TResult;

      type ScalarCheck<T, S> = S extends true ? T : NullableCheck<T, S>;
      type NullableCheck<T, S> = Maybe<T> extends T ? Maybe<ListCheck<NonNullable<T>, S>> : ListCheck<T, S>;
      type ListCheck<T, S> = T extends (infer U)[] ? NullableCheck<U, S>[] : GraphQLRecursivePick<T, S>;
      export type GraphQLRecursivePick<T, S> = { [K in keyof T & keyof S]: ScalarCheck<T[K], S[K]> };
    

export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

/** Mapping of federation types */
export type FederationTypes = {
  Customer: Customer;
  Entitlement: Entitlement;
};

/** Mapping of federation reference types */
export type FederationReferenceTypes = {
  Customer:
    ( { __typename: 'Customer' }
    & GraphQLRecursivePick<FederationTypes['Customer'], {"id":true}> );
  Entitlement:
    ( { __typename: 'Entitlement' }
    & GraphQLRecursivePick<FederationTypes['Entitlement'], {"id":true}> );
};



/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  Customer: ResolverTypeWrapper<Reference>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  CustomerEntitlementTotal: ResolverTypeWrapper<Total>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  CustomerEntitlementTotalRequest: CustomerEntitlementTotalRequest;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  Entitlement: ResolverTypeWrapper<Reference>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  UUID: ResolverTypeWrapper<Scalars['UUID']['output']>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Customer: Reference;
  Int: Scalars['Int']['output'];
  CustomerEntitlementTotal: Total;
  Float: Scalars['Float']['output'];
  Boolean: Scalars['Boolean']['output'];
  CustomerEntitlementTotalRequest: CustomerEntitlementTotalRequest;
  DateTime: Scalars['DateTime']['output'];
  Entitlement: Reference;
  Query: Record<PropertyKey, never>;
  UUID: Scalars['UUID']['output'];
  String: Scalars['String']['output'];
};

export type CustomerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Customer'] = ResolversParentTypes['Customer'], FederationReferenceType extends FederationReferenceTypes['Customer'] = FederationReferenceTypes['Customer']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Customer']> | FederationReferenceType, FederationReferenceType, ContextType>;
  entitlementTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<CustomerEntitlementTotalArgs, 'entitlementId'>>;
  entitlementTotals?: Resolver<Array<Maybe<ResolversTypes['CustomerEntitlementTotal']>>, ParentType, ContextType, RequireFields<CustomerEntitlementTotalsArgs, 'entitlementIds'>>;
  id?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
};

export type CustomerEntitlementTotalResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerEntitlementTotal'] = ResolversParentTypes['CustomerEntitlementTotal']> = {
  asOf?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  customer?: Resolver<ResolversTypes['Customer'], ParentType, ContextType>;
  customerId?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  entitlement?: Resolver<ResolversTypes['Entitlement'], ParentType, ContextType>;
  entitlementId?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  quantity?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  stale?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type EntitlementResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Entitlement'] = ResolversParentTypes['Entitlement'], FederationReferenceType extends FederationReferenceTypes['Entitlement'] = FederationReferenceTypes['Entitlement']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Entitlement']> | FederationReferenceType, FederationReferenceType, ContextType>;
  customerTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<EntitlementCustomerTotalArgs, 'customerId'>>;
  id?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
};

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  customerEntitlementTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<QueryCustomerEntitlementTotalArgs, 'customerId' | 'entitlementId'>>;
  customerEntitlementTotals?: Resolver<Array<Maybe<ResolversTypes['CustomerEntitlementTotal']>>, ParentType, ContextType, RequireFields<QueryCustomerEntitlementTotalsArgs, 'requests'>>;
};

export interface UuidScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['UUID'], any> {
  name: 'UUID';
}

export type Resolvers<ContextType = Context> = {
  Customer?: CustomerResolvers<ContextType>;
  CustomerEntitlementTotal?: CustomerEntitlementTotalResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  Entitlement?: EntitlementResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  UUID?: GraphQLScalarType;
};

