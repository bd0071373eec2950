import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { type Config, need } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { readClaims } from './claims.ts';
import type { Authenticate, Identity } from './identity.ts';
import { createKeySet } from './jwks.ts';
import type { Tenant } from './tenant.ts';

/** Only signatures with a private key: whoever can read the issuer's public keys must not be able to sign with them. */
export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** By how much the clocks of issuer and gateway may differ. */
const leewaySeconds = 30;
const maxRemembered = 10_000;
/** No honest token comes near this. */
const maxTokenLength = 8192;

type TokenDependencies = { config: Config; emit: Emit; now: () => number };
type Verified = { identity: Identity; expiresMs: number };

/** Identifies callers by the bearer token that the configured issuer gave them (RFC 6750, RFC 7519). */
export function createJwtAuthenticate(
  tenant: Tenant,
  { config, emit, now }: TokenDependencies,
): Authenticate {
  const keys = createKeySet({ url: need(config, 'JWT_JWKS_URL'), emit, now });
  const issuer = need(config, 'JWT_ISSUER');
  const audience = need(config, 'JWT_AUDIENCE');
  const claimNames = {
    customerClaim: config.JWT_CUSTOMER_CLAIM,
    allCustomersScope: config.JWT_ALL_CUSTOMERS_SCOPE,
  };
  const verified = createVerifiedTokens(now);

  async function verify(token: string): Promise<Verified> {
    const { payload } = await jwtVerify(token, keys, {
      algorithms,
      issuer,
      audience,
      requiredClaims: ['exp'],
      clockTolerance: leewaySeconds,
      currentDate: new Date(now()),
    });
    return {
      identity: { tenant, ...readClaims(payload, claimNames) },
      expiresMs: (payload.exp ?? 0) * 1000,
    };
  }

  async function identify(token: string): Promise<Identity> {
    const fresh = await verify(token).catch((error: unknown) => {
      throw refuse(reasonOf(error));
    });
    verified.set(token, fresh);
    return fresh.identity;
  }

  return ({ authorization = '' }) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw refuse('no token');
    if (token.length > maxTokenLength) throw refuse('token too long');
    return verified.get(token) ?? identify(token);
  };
}

/** Remembers by hash, so that no token lies about in memory. */
function createVerifiedTokens(now: () => number) {
  const remembered = new Map<string, Verified>();
  const toHash = (token: string) => createHash('sha256').update(token).digest('base64url');

  function get(token: string): Identity | undefined {
    const hash = toHash(token);
    const found = remembered.get(hash);
    if (found === undefined || found.expiresMs > now()) return found?.identity;
    remembered.delete(hash);
    return undefined;
  }

  function set(token: string, one: Verified): void {
    remembered.set(toHash(token), one);
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  }
  return { get, set };
}

function refuse(reason: string): AppError {
  return new AppError('UNAUTHENTICATED', 'Expected a valid bearer token.', { reason });
}

/** The code alone: a message of jose's may hold a part of the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `${error.code} ${error.claim}`;
  return error instanceof errors.JOSEError ? error.code : 'unreadable token';
}
