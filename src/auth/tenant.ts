import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

declare const scopeBrand: unique symbol;
/** Identifies a tenant without revealing its credentials. All state shared between requests is separated by it. */
export type TenantScope = string & { readonly [scopeBrand]: true };

/** The Zenskar credentials in use for a request. */
export type Tenant = {
  scope: TenantScope;
  apiKey: string;
  organisation: string;
};

/** An authenticated caller and what it may see. */
export type Identity = {
  tenant: Tenant;
  /** Distinguishes callers of one tenant, if the mode can. A hash, from which the caller cannot be identified. */
  name: string | undefined;
  /** Equal for callers of one tenant exactly when they may see the same customers. */
  accessKey: string;
  /** Whether the caller may see the totals of this customer. The id is in canonical form. */
  maySee: (customerId: string) => boolean;
};

/** Identifies the caller by the headers of a request; throws or rejects with `UNAUTHENTICATED`, or `SERVICE_UNAVAILABLE`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Identity | Promise<Identity>;

type TenantIdentity = { apiKey: string; organisation: string; url: string; apiVersion: string | undefined };

/**
 * The only function that makes a scope of credentials. It is a keyed hash, so that guesses of organisations or keys cannot be checked
 * against it, and equal on all replicas. Another base URL or API version may give other totals, so it is another scope.
 */
export function createTenant({ apiKey, organisation, url, apiVersion }: TenantIdentity): Tenant {
  const message = JSON.stringify([organisation, url, apiVersion ?? null]);
  const scope = createHmac('sha256', apiKey).update(message).digest('base64url').slice(0, 22) as TenantScope;
  return { scope, apiKey, organisation };
}
