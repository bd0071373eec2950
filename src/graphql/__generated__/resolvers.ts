// Made by `npm run codegen`. Each `any` is the generator's, for subscriptions, of which there are none, and for what scalars hold.
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
  /**
   * A universally unique identifier in canonical form: lower case, with dashes.
   * Input may also be in upper case, without dashes, in braces or as a URN (`urn:uuid:`).
   */
  UUID: { input: string; output: string; }
  /** An instant as an RFC 3339 date-time in UTC, such as `2026-01-31T09:30:00.000Z`. */
  DateTime: { input: Date; output: Date; }
  _FieldSet: { input: string; output: string; }
};

export type Query = {
  __typename?: 'Query';
  /**
   * The quantity of one entitlement that one customer was granted. If the total
   * cannot be loaded, the field is null and one error has its path.
   */
  customerEntitlementTotal: Maybe<CustomerEntitlementTotal>;
  /**
   * Any number of totals, in the order of the requests. If a total cannot be
   * loaded, its item is null and one error has its index in the path.
   */
  customerEntitlementTotals: Array<Maybe<CustomerEntitlementTotal>>;
};


export type QueryCustomerEntitlementTotalArgs = {
  entitlementId: Scalars['UUID']['input'];
  customerId: Scalars['UUID']['input'];
  startDate?: InputMaybe<Scalars['Int']['input']>;
  endDate?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryCustomerEntitlementTotalsArgs = {
  requests: Array<CustomerEntitlementTotalRequest>;
};

/** One total to load: an entitlement, a customer and a window. */
export type CustomerEntitlementTotalRequest = {
  /** Id of the entitlement. */
  entitlementId: Scalars['UUID']['input'];
  /** Id of the customer. */
  customerId: Scalars['UUID']['input'];
  /** Start of the window in Unix seconds. Omit it for a window without a start. */
  startDate?: InputMaybe<Scalars['Int']['input']>;
  /** End of the window in Unix seconds. Omit it for a window without an end. */
  endDate?: InputMaybe<Scalars['Int']['input']>;
};

/** The quantity of an entitlement that a customer was granted, and its age. */
export type CustomerEntitlementTotal = {
  __typename?: 'CustomerEntitlementTotal';
  /** Id of the entitlement. */
  entitlementId: Scalars['UUID']['output'];
  /** Id of the customer. */
  customerId: Scalars['UUID']['output'];
  /**
   * Granted units, such as API calls, seats or credits. It is neither the
   * remaining quantity nor an amount of money. Null if Zenskar returns none.
   */
  quantity: Maybe<Scalars['Float']['output']>;
  /** The entitlement, as an entity to which other subgraphs add fields. */
  entitlement: Entitlement;
  /** The customer, as an entity to which other subgraphs add fields. */
  customer: Customer;
  /** Time at which Zenskar returned the quantity. */
  asOf: Scalars['DateTime']['output'];
  /**
   * True if the quantity is older than its freshness time, because Zenskar failed
   * or the gateway is refreshing the quantity; or if the gateway cannot know
   * whether it was purged.
   */
  stale: Scalars['Boolean']['output'];
};

/** A customer. Other subgraphs may add fields. */
export type Customer = {
  __typename?: 'Customer';
  /** Id of the customer in Zenskar. */
  id: Scalars['UUID']['output'];
  /**
   * The quantity of one entitlement that this customer was granted. If the total
   * cannot be loaded, the field is null and one error has its path.
   */
  entitlementTotal: Maybe<CustomerEntitlementTotal>;
  /**
   * The quantities of several entitlements that this customer was granted, in the
   * order of the ids. If a total cannot be loaded, its item is null and one error
   * has its index in the path.
   */
  entitlementTotals: Array<Maybe<CustomerEntitlementTotal>>;
};


/** A customer. Other subgraphs may add fields. */
export type CustomerEntitlementTotalArgs = {
  entitlementId: Scalars['UUID']['input'];
  startDate?: InputMaybe<Scalars['Int']['input']>;
  endDate?: InputMaybe<Scalars['Int']['input']>;
};


/** A customer. Other subgraphs may add fields. */
export type CustomerEntitlementTotalsArgs = {
  entitlementIds: Array<Scalars['UUID']['input']>;
  startDate?: InputMaybe<Scalars['Int']['input']>;
  endDate?: InputMaybe<Scalars['Int']['input']>;
};

/** An entitlement: a feature or resource that customers are granted. Other subgraphs may add fields. */
export type Entitlement = {
  __typename?: 'Entitlement';
  /** Id of the entitlement in Zenskar. */
  id: Scalars['UUID']['output'];
  /**
   * The quantity of this entitlement that one customer was granted. If the total
   * cannot be loaded, the field is null and one error has its path.
   */
  customerTotal: Maybe<CustomerEntitlementTotal>;
};


/** An entitlement: a feature or resource that customers are granted. Other subgraphs may add fields. */
export type EntitlementCustomerTotalArgs = {
  customerId: Scalars['UUID']['input'];
  startDate?: InputMaybe<Scalars['Int']['input']>;
  endDate?: InputMaybe<Scalars['Int']['input']>;
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
  UUID: ResolverTypeWrapper<Scalars['UUID']['output']>;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  CustomerEntitlementTotalRequest: CustomerEntitlementTotalRequest;
  CustomerEntitlementTotal: ResolverTypeWrapper<Total>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Customer: ResolverTypeWrapper<Reference>;
  Entitlement: ResolverTypeWrapper<Reference>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  UUID: Scalars['UUID']['output'];
  DateTime: Scalars['DateTime']['output'];
  Query: Record<PropertyKey, never>;
  Int: Scalars['Int']['output'];
  CustomerEntitlementTotalRequest: CustomerEntitlementTotalRequest;
  CustomerEntitlementTotal: Total;
  Float: Scalars['Float']['output'];
  Boolean: Scalars['Boolean']['output'];
  Customer: Reference;
  Entitlement: Reference;
  String: Scalars['String']['output'];
};

export interface UuidScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['UUID'], any> {
  name: 'UUID';
}

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  customerEntitlementTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<QueryCustomerEntitlementTotalArgs, 'entitlementId' | 'customerId'>>;
  customerEntitlementTotals?: Resolver<Array<Maybe<ResolversTypes['CustomerEntitlementTotal']>>, ParentType, ContextType, RequireFields<QueryCustomerEntitlementTotalsArgs, 'requests'>>;
};

export type CustomerEntitlementTotalResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerEntitlementTotal'] = ResolversParentTypes['CustomerEntitlementTotal']> = {
  entitlementId?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  customerId?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  quantity?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  entitlement?: Resolver<ResolversTypes['Entitlement'], ParentType, ContextType>;
  customer?: Resolver<ResolversTypes['Customer'], ParentType, ContextType>;
  asOf?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  stale?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type CustomerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Customer'] = ResolversParentTypes['Customer'], FederationReferenceType extends FederationReferenceTypes['Customer'] = FederationReferenceTypes['Customer']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Customer']> | FederationReferenceType, FederationReferenceType, ContextType>;
  id?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  entitlementTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<CustomerEntitlementTotalArgs, 'entitlementId'>>;
  entitlementTotals?: Resolver<Array<Maybe<ResolversTypes['CustomerEntitlementTotal']>>, ParentType, ContextType, RequireFields<CustomerEntitlementTotalsArgs, 'entitlementIds'>>;
};

export type EntitlementResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Entitlement'] = ResolversParentTypes['Entitlement'], FederationReferenceType extends FederationReferenceTypes['Entitlement'] = FederationReferenceTypes['Entitlement']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Entitlement']> | FederationReferenceType, FederationReferenceType, ContextType>;
  id?: Resolver<ResolversTypes['UUID'], ParentType, ContextType>;
  customerTotal?: Resolver<Maybe<ResolversTypes['CustomerEntitlementTotal']>, ParentType, ContextType, RequireFields<EntitlementCustomerTotalArgs, 'customerId'>>;
};

export type Resolvers<ContextType = Context> = {
  UUID?: GraphQLScalarType;
  DateTime?: GraphQLScalarType;
  Query?: QueryResolvers<ContextType>;
  CustomerEntitlementTotal?: CustomerEntitlementTotalResolvers<ContextType>;
  Customer?: CustomerResolvers<ContextType>;
  Entitlement?: EntitlementResolvers<ContextType>;
};

