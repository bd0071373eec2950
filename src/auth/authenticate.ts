import type { Clock } from '../clock.ts';
import { type Config, need } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { equalsConstantTime } from '../text.ts';
import { allCustomers } from './claims.ts';
import { type Authenticate, createTenant, type Tenant } from './tenant.ts';

export type { Authenticate, Identity } from './tenant.ts';

type AuthenticateDependencies = { config: Config; emit: Emit } & Clock;

/** The headers that identify a caller in each mode. */
export const identifyingHeaders = {
  none: [],
  jwt: ['authorization'],
  router: ['x-router-secret'],
  passthrough: ['x-api-key', 'organisation'],
} as const;

/** Creates the function that identifies callers in the configured `AUTH_MODE`. */
export async function createAuthenticate(dependencies: AuthenticateDependencies): Promise<Authenticate> {
  const { config } = dependencies;
  switch (config.AUTH_MODE) {
    case 'none': {
      const anonymous = { tenant: createGatewayTenant(config), name: undefined, ...allCustomers };
      return () => anonymous;
    }
    case 'jwt': {
      // jose is loaded only if tokens are verified.
      const { createJwtAuthenticate } = await import('./jwt.ts');
      return createJwtAuthenticate(createGatewayTenant(config), dependencies);
    }
    case 'router':
      return createRouterAuthenticate(createGatewayTenant(config), need(config, 'ROUTER_SECRET'));
    case 'passthrough':
      return createPassthroughAuthenticate(config);
  }
}

/** The tenant of the gateway's own Zenskar credentials. */
function createGatewayTenant(config: Config): Tenant {
  return createTenant({
    apiKey: need(config, 'ZENSKAR_API_KEY'),
    organisation: need(config, 'ZENSKAR_ORGANISATION'),
    url: config.ZENSKAR_URL,
    apiVersion: config.ZENSKAR_API_VERSION,
  });
}

/** The router authenticates its own callers, so it may see every customer. */
function createRouterAuthenticate(tenant: Tenant, secret: string): Authenticate {
  const router = { tenant, name: undefined, ...allCustomers };
  return ({ 'x-router-secret': value }) => {
    if (typeof value === 'string' && equalsConstantTime(value, secret)) return router;
    throw new AppError('UNAUTHENTICATED', 'Expected the secret of the router in x-router-secret.', {
      challenge: 'RouterSecret',
      reason: value === undefined ? 'no secret' : 'wrong secret',
    });
  };
}

/** Zenskar decides what the caller's credentials may see; each pair of them is a tenant of its own. */
function createPassthroughAuthenticate(config: Config): Authenticate {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion } = config;
  return ({ 'x-api-key': apiKey, organisation }) => {
    if (!isCredential(apiKey) || !isCredential(organisation)) {
      throw new AppError('UNAUTHENTICATED', 'Expected Zenskar credentials in x-api-key and organisation.', {
        challenge: 'ApiKey',
        reason: 'no credentials',
      });
    }
    const tenant = createTenant({ apiKey, organisation, url, apiVersion });
    return { tenant, name: tenant.scope, ...allCustomers };
  };
}

/** The value is sent upstream as a header: one value, one line of visible ASCII (RFC 9110, section 5.5). */
function isCredential(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
