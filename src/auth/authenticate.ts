import { type Config, need } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { equalsConstantTime } from '../text.ts';
import { type Authenticate, allCustomers } from './identity.ts';
import { createTenant, type Tenant } from './tenant.ts';

type IdentifySettings = { config: Config; emit: Emit; now: () => number };

/** How each mode asks a caller to say who it is (RFC 9110, section 11.6.1). */
export const challenges = { none: '', jwt: 'Bearer', router: 'RouterSecret', passthrough: 'ApiKey' };

/** The headers by which each mode knows its callers. */
export const identifyingHeaders = {
  none: [],
  jwt: ['authorization'],
  router: ['x-router-secret'],
  passthrough: ['x-api-key', 'organisation'],
} as const;

/** The way of identifying callers that the configuration chose. */
export async function createAuthenticate(settings: IdentifySettings): Promise<Authenticate> {
  const { config } = settings;
  switch (config.AUTH_MODE) {
    case 'none': {
      const anybody = { tenant: createOwnTenant(config), name: undefined, ...allCustomers };
      return () => anybody;
    }
    case 'jwt': {
      // Whoever needs no tokens need not load what verifies them.
      const { createJwtAuthenticate } = await import('./jwt.ts');
      return createJwtAuthenticate(createOwnTenant(config), settings);
    }
    case 'router':
      return createIdentifyRouter(createOwnTenant(config), need(config, 'ROUTER_SECRET'));
    case 'passthrough':
      return createIdentifyByCredentials(config);
  }
}

/** The tenant of the credentials that the gateway itself was given. */
function createOwnTenant(config: Config): Tenant {
  const apiKey = need(config, 'ZENSKAR_API_KEY');
  const organisation = need(config, 'ZENSKAR_ORGANISATION');
  return createTenant({
    apiKey,
    organisation,
    url: config.ZENSKAR_URL,
    apiVersion: config.ZENSKAR_API_VERSION,
  });
}

/** A router knows its own callers: it may see every customer, and its secret is nobody's name. */
function createIdentifyRouter(tenant: Tenant, secret: string): Authenticate {
  const router = { tenant, name: undefined, ...allCustomers };
  return ({ 'x-router-secret': given }) => {
    if (typeof given === 'string' && equalsConstantTime(given, secret)) return router;
    throw new AppError('UNAUTHENTICATED', 'Expected the secret of the router in x-router-secret.', {
      reason: given === undefined ? 'no secret' : 'wrong secret',
    });
  };
}

/** Zenskar itself decides what these credentials may see; each pair is a tenant of its own. */
function createIdentifyByCredentials(config: Config): Authenticate {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion } = config;
  return ({ 'x-api-key': apiKey, organisation }) => {
    if (!isCredential(apiKey) || !isCredential(organisation)) {
      throw new AppError('UNAUTHENTICATED', 'Expected Zenskar credentials in x-api-key and organisation.', {
        reason: 'no credentials',
      });
    }
    const tenant = createTenant({ apiKey, organisation, url, apiVersion });
    return { tenant, name: tenant.scope, ...allCustomers };
  };
}

/** What goes out as a header: one line of visible ASCII (RFC 9110, section 5.5), and one value rather than a list. */
function isCredential(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
