import { createHash } from 'node:crypto';
import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { type Config, need } from '../config/config.ts';
import { toProxy } from '../config/proxy.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { readClaims } from './claims.ts';
import { createKeySet, isLargeEnough, type KeySet } from './jwks.ts';
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
/** Then the signature of a token is verified again, because its key may have been withdrawn. */
const maxRememberedMs = 600_000;
/** The most keys that a token without a key id is tried with: each takes up to a tenth of a millisecond. */
export const maxTriedKeys = 10;
/** Far above real tokens. */
const maxTokenLength = 8192;

const malformed = 'The token is malformed.';

/**
 * What the challenge says of a rejected token, by its reason in the log. Fixed words: a part of the token could inject parameters.
 * jose reads claims only after it has verified the signature, so a caller with a forged token learns nothing about the expected claims.
 */
export const tokenDescriptions: ReadonlyMap<string, string> = new Map([
  ['token too long', `The token is longer than ${maxTokenLength} characters.`],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'The algorithm of the token is not allowed.'],
  ['ERR_JWKS_NO_MATCHING_KEY', 'The issuer has no key for the token.'],
  [
    'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
    `The issuer has more than ${maxTriedKeys} keys for the token, which names none.`,
  ],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'The signature of the token is wrong.'],
  ['ERR_JWT_EXPIRED', 'The token has expired.'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED exp', 'The token has no valid expiry.'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED nbf', 'The token is not valid yet.'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED iat', 'The token was issued in the future.'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED iss', 'The issuer of the token is wrong.'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED aud', 'The audience of the token is wrong.'],
  ['unreadable token', malformed],
]);

type JwtDependencies = { config: Config; emit: Emit } & Clock;
type VerifiedToken = {
  identity: Identity;
  /** Since the epoch. Any number, also infinite: the issuer chooses it. */
  expiresAtMs: number;
  /** Of the key set. */
  generation: number;
};

/** Identifies callers by a bearer token of the configured issuer (RFC 6750, RFC 7519). */
export function createJwtAuthenticate(tenant: Tenant, dependencies: JwtDependencies): Authenticate {
  const { config } = dependencies;
  const url = need(config, 'JWT_JWKS_URL');
  const keySet = createKeySet({ ...dependencies, url, proxy: toProxy(config, url) });
  const claimNames = {
    customerClaim: config.JWT_CUSTOMER_CLAIM,
    allCustomersScope: config.JWT_ALL_CUSTOMERS_SCOPE,
  };
  const verifyClaims = createVerify(keySet, dependencies);
  const verifiedTokens = createVerifiedTokens(dependencies);

  async function verify(token: string): Promise<VerifiedToken> {
    const { payload, generation } = await verifyClaims(token);
    const identity = { tenant, ...readClaims(payload, claimNames) };
    return { identity, expiresAtMs: (payload.exp ?? 0) * 1000, generation };
  }

  async function verifyAndStore(token: string): Promise<Identity> {
    const verified = await verify(token).catch((error: unknown) => {
      throw error instanceof AppError ? error : rejectToken(reasonOf(error));
    });
    verifiedTokens.set(token, verified);
    return verified.identity;
  }

  return ({ authorization = '' }) => {
    const token = readToken(authorization);
    if (token.length > maxTokenLength) throw rejectToken('token too long');
    const verified = verifiedTokens.get(token);
    return verified && keySet.isCurrent(verified.generation) ? verified.identity : verifyAndStore(token);
  };
}

/** Verifies the signature and the registered claims of a token. */
function createVerify(keySet: KeySet, { config, now }: Pick<JwtDependencies, 'config' | 'now'>) {
  const issuer = need(config, 'JWT_ISSUER');
  const audiences = need(config, 'JWT_AUDIENCE');

  async function verifyOnce(token: string): Promise<JWTPayload> {
    const currentDate = new Date(now());
    const required = { algorithms, issuer, requiredClaims: ['exp'] };
    const options = { ...required, clockTolerance: leewaySeconds, currentDate };
    const { payload } = await jwtVerify(token, keySet.find, options).catch(async (error: unknown) => {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return tryEach(error, (key) => jwtVerify(token, key, options));
    });
    checkAudience(payload, audiences);
    checkIssueTime(payload, currentDate);
    return payload;
  }

  return async (token: string): Promise<{ payload: JWTPayload; generation: number }> => {
    const generation = keySet.generation();
    try {
      return { payload: await verifyOnce(token), generation };
    } catch (error) {
      // An unknown key id makes the key set fetch itself. Another key may have signed the token: one without id, or a new one with the id.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      const isNamed = decodeProtectedHeader(token).kid !== undefined;
      const hasChanged = await keySet.hasChanged(generation).catch((unavailable: unknown) => {
        throw isNamed ? error : unavailable;
      });
      if (!hasChanged) throw error;
      return { generation: keySet.generation(), payload: await verifyOnce(token) };
    }
  };
}

type VerifyWith<Verified> = (key: CryptoKey) => Promise<Verified>;

/** Tries the keys that a token without a key id, or with a key id that several keys share, may be signed with. */
async function tryEach<Verified>(
  several: errors.JWKSMultipleMatchingKeys,
  verifyWith: VerifyWith<Verified>,
): Promise<Verified> {
  const keys = (await Array.fromAsync(several)).filter(isLargeEnough);
  if (keys.length > maxTriedKeys) throw several;
  for (const key of keys) {
    try {
      return await verifyWith(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** Access tokens of Amazon Cognito have a `client_id` in place of an audience. */
function checkAudience(payload: JWTPayload, audiences: readonly string[]): void {
  const named = [Object.hasOwn(payload, 'aud') ? payload.aud : payload.client_id].flat();
  if (named.some((name) => typeof name === 'string' && audiences.includes(name))) return;
  throw new errors.JWTClaimValidationFailed('unexpected audience', payload, 'aud', 'check_failed');
}

/** jose compares `iat` only if tokens have a maximum age. */
function checkIssueTime(payload: JWTPayload, currentDate: Date): void {
  const latest = currentDate.getTime() / 1000 + leewaySeconds;
  if (payload.iat === undefined || payload.iat <= latest) return;
  throw new errors.JWTClaimValidationFailed('issued in the future', payload, 'iat', 'check_failed');
}

/** Verified tokens until they expire or have to be verified again, by hash: memory holds no usable token. */
function createVerifiedTokens({ now, monotonic }: Clock) {
  // `ttlResolution: 0` reads the injected clock at each look-up; by default lru-cache keeps its value for a millisecond.
  const tokens = new LRUCache<string, VerifiedToken>({
    max: maxVerifiedTokens,
    ttl: maxRememberedMs,
    perf: { now: monotonic },
    ttlResolution: 0,
  });
  const toHash = (token: string) => createHash('sha256').update(token).digest('base64url');

  function get(token: string): VerifiedToken | undefined {
    const verified = tokens.get(toHash(token));
    // By the wall clock, which goes on while the machine is suspended.
    return verified !== undefined && now() < verified.expiresAtMs ? verified : undefined;
  }
  return { get, set: (token: string, verified: VerifiedToken) => tokens.set(toHash(token), verified) };
}

/**
 * The token of an `authorization` header. Without one, and for another scheme, the challenge has no error; credentials that are
 * not one token are an invalid request (RFC 6750, sections 2.1 and 3.1). RFC 6750 prefers status 400 for the latter. It gets 401
 * as well, so that clients have one code for everything that a new token solves.
 */
function readToken(authorization: string): string {
  const credentials = /^Bearer(?:[ \t]+(.*))?$/i.exec(authorization);
  if (credentials === null) throw toUnauthenticated('no token', 'Bearer');
  const [, token = ''] = credentials;
  if (/^[\w.~+/-]+=*$/.test(token)) return token;
  throw toUnauthenticated(
    'not one token',
    toChallenge('invalid_request', 'Expected one token after Bearer.'),
  );
}

function rejectToken(reason: string): AppError {
  const description = tokenDescriptions.get(reason) ?? malformed;
  return toUnauthenticated(reason, toChallenge('invalid_token', description));
}

function toUnauthenticated(reason: string, challenge: string): AppError {
  return new AppError('UNAUTHENTICATED', 'Expected a valid bearer token.', { challenge, reason });
}

function toChallenge(error: 'invalid_request' | 'invalid_token', description: string): string {
  return `Bearer error="${error}", error_description="${description}"`;
}

/** The error code only: messages of jose may contain a part of the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `${error.code} ${error.claim}`;
  return error instanceof errors.JOSEError ? error.code : 'unreadable token';
}
