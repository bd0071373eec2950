import { createHmac } from 'node:crypto';

declare const scopeBrand: unique symbol;
/** Names a tenant without betraying its credentials. Whatever is shared between requests is kept apart by it. */
export type TenantScope = string & { readonly [scopeBrand]: true };

/** On whose behalf the upstream is asked. */
export type Tenant = {
  scope: TenantScope;
  apiKey: string;
  organisation: string;
};

type TenantIdentity = { apiKey: string; organisation: string; url: string; apiVersion: string | undefined };

/**
 * The one place where a scope is made: a keyed hash, so that nobody can try organisations or keys against it, and the
 * same on every replica. Another base URL or API version gives other numbers, so it is another scope.
 */
export function createTenant({ apiKey, organisation, url, apiVersion }: TenantIdentity): Tenant {
  const message = JSON.stringify([organisation, url, apiVersion ?? null]);
  const scope = createHmac('sha256', apiKey).update(message).digest('base64url').slice(0, 22) as TenantScope;
  return { scope, apiKey, organisation };
}
