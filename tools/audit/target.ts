export const graphqlType = 'application/graphql-response+json';
export const jsonType = 'application/json';
export type MediaType = typeof graphqlType | typeof jsonType;

/** The server that is audited, and what the audit knows about it. */
export type Target = {
  url: string;
  /** The `Accept` header of all requests that set none of their own. */
  accept: MediaType;
  /** Headers of all requests, such as credentials. */
  headers: Readonly<Record<string, string>>;
  /** A document without variables that succeeds. */
  query: string;
  /** A document without variables whose response has data and errors, if the server has one. */
  partialQuery: string | undefined;
  /** A document without variables whose response has errors and null as data, if the server has one. */
  nullQuery: string | undefined;
  /** How long to wait for the server to give up on a request that never ends; undefined to leave that out. */
  slowRequestMs: number | undefined;
};

export type Strength = 'MUST' | 'SHOULD' | 'MAY';

/** One rule of the specification. */
export type Row = {
  id: string;
  /** The heading of the specification, or the RFC that it refers to. */
  section: string;
  strength: Strength;
  /** The rule as a sentence. */
  title: string;
  /** The media types that are asked for, one run each. By default both. */
  mediaTypes?: readonly MediaType[];
  /** Throws a `Failure` if the rule does not hold, and `NotApplicable` if it cannot be checked. */
  check: (target: Target) => Promise<void>;
};

/** The server breaks the rule. The message says what it answered. */
export class Failure extends Error {}

/** The rule says nothing about this server. The message says why. */
export class NotApplicable extends Error {}
