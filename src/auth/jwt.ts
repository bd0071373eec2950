import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Config, need } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { readClaims } from './claims.ts';
import { createKeySet } from './jwks.ts';
import type { Authenticate, Identity, Tenant } from './tenant.ts';

/** Asymmetric algorithms only: with HS256 the public keys, which anyone can read, could sign tokens. */
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
/** Accepted difference between the clocks of issuer and gateway. */
const leewaySeconds = 30;
const maxVerifiedTokens = 10_000;
/** Far above real tokens. */
const maxTokenLength = 8192;

type JwtDependencies = { config: Config; emit: Emit; now: () => number };
type VerifiedToken = { identity: Identity; expiresAtMs: number };

/** Identifies callers by a bearer token of the configured issuer (RFC 6750, RFC 7519). */
export function createJwtAuthenticate(tenant: Tenant, { config, emit, now }: JwtDependencies): Authenticate {
  const keySet = createKeySet({ url: need(config, 'JWT_JWKS_URL'), emit, now });
  const issuer = need(config, 'JWT_ISSUER');
  const audience = need(config, 'JWT_AUDIENCE');
  const claimNames = {
    customerClaim: config.JWT_CUSTOMER_CLAIM,
    allCustomersScope: config.JWT_ALL_CUSTOMERS_SCOPE,
  };
  const verifiedTokens = createVerifiedTokens(now);

  async function verify(token: string): Promise<VerifiedToken> {
    const { payload } = await jwtVerify(token, keySet, {
      algorithms,
      issuer,
      audience,
      requiredClaims: ['exp'],
      clockTolerance: leewaySeconds,
      currentDate: new Date(now()),
    });
    const identity = { tenant, ...readClaims(payload, claimNames) };
    return { identity, expiresAtMs: (payload.exp ?? 0) * 1000 };
  }

  async function verifyAndStore(token: string): Promise<Identity> {
    const verified = await verify(token).catch((error: unknown) => {
      throw toUnauthenticated(reasonOf(error));
    });
    verifiedTokens.set(token, verified);
    return verified.identity;
  }

  return ({ authorization = '' }) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw toUnauthenticated('no token');
    if (token.length > maxTokenLength) throw toUnauthenticated('token too long');
    return verifiedTokens.get(token) ?? verifyAndStore(token);
  };
}

/** Identities of verified tokens until the tokens expire, by hash: memory holds no usable token. */
function createVerifiedTokens(now: () => number) {
  // `ttlResolution: 0` reads the injected clock at each look-up; by default lru-cache keeps its value for a millisecond.
  const identities = new LRUCache<string, Identity>({
    max: maxVerifiedTokens,
    perf: { now },
    ttlResolution: 0,
  });
  const toHash = (token: string) => createHash('sha256').update(token).digest('base64url');

  function set(token: string, { identity, expiresAtMs }: VerifiedToken): void {
    const ttl = expiresAtMs - now();
    // A token within the leeway has expired. To lru-cache a TTL of 0 means no limit.
    if (ttl > 0) identities.set(toHash(token), identity, { ttl });
  }
  return { get: (token: string) => identities.get(toHash(token)), set };
}

function toUnauthenticated(reason: string): AppError {
  return new AppError('UNAUTHENTICATED', 'Expected a valid bearer token.', { reason });
}

/** The error code only: messages of jose may contain a part of the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `${error.code} ${error.claim}`;
  return error instanceof errors.JOSEError ? error.code : 'unreadable token';
}
