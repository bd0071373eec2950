import { createPublicKey, type webcrypto } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { userAgent } from '../../config/version.ts';
import { parseJson } from '../../text.ts';
import { type Answer, call } from './call.ts';
import { describeFailure, type Target } from './describeFailure.ts';
import { isObject } from './isObject.ts';
import type { Means } from './means.ts';
import { ok, problem, skipped, type Verdict } from './verdict.ts';
import { readRedirect } from './words.ts';

/** As long as the gateway waits for it. */
const timeoutMs = 3000;
const maxBytes = 1_048_576;
const algorithms = /^([RP]S|ES)(256|384|512)$|^EdDSA$|^Ed25519$/;
const curves = ['P-256', 'P-384', 'P-521', 'Ed25519'];
const leastModulusBits = 2048;

/** Fetches the keys that sign tokens as the gateway does, and looks for one that it could use. */
export async function checkKeySet(config: Config, means: Means): Promise<Verdict> {
  const { AUTH_MODE: mode, JWT_JWKS_URL: url } = config;
  if (mode !== 'jwt' || url === undefined) {
    return skipped(
      `AUTH_MODE is ${mode}, which knows no tokens.`,
      'Nothing, or set AUTH_MODE=jwt to use them.',
    );
  }
  const headers = { accept: 'application/json, application/jwk-set+json', 'user-agent': userAgent };
  const outcome = await call({ url, headers, timeoutMs, maxBytes, ...means, byProxy: true });
  const target: Target = { url, urlVariable: 'JWT_JWKS_URL', timeoutMs };
  return outcome.ok ? judgeKeySet(outcome.answer, url) : describeFailure(outcome.failure, target);
}

function judgeKeySet(answer: Answer, url: string): Verdict {
  const { status, body } = answer;
  if (status >= 300 && status < 400) {
    return problem(
      `Redirect: the issuer answers ${status} to ${readRedirect(answer, url)}, which the gateway does not follow.`,
      'Set JWT_JWKS_URL to where it leads, if you trust that.',
    );
  }
  const mend = 'Mend JWT_JWKS_URL; the issuer names the right one as `jwks_uri` in its discovery document.';
  if (status !== 200) return problem(`The issuer answers ${status} in place of its keys.`, mend);
  const keys = readKeys(body);
  if (keys === undefined) return problem('What the issuer answers is no key set.', mend);
  const usable = keys.filter(isUsable);
  if (usable.length > 0) return ok(`Of the issuer's keys, ${usable.length} of ${keys.length} can be used.`);
  return problem(
    `No usable key: of ${keys.length} published, none is public, for signatures and of a kind that the gateway takes.`,
    'Have the issuer sign with RS, PS, ES or EdDSA keys, RSA ones of 2,048 bits or more.',
  );
}

function readKeys(body: string): readonly webcrypto.JsonWebKey[] | undefined {
  const json = parseJson(body);
  const keys = isObject(json) ? json.keys : undefined;
  return Array.isArray(keys) && keys.every(isObject) ? keys : undefined;
}

/** What a signature may be verified with (RFC 7517, section 4), by the rules of the library that will do it. */
function isUsable(key: webcrypto.JsonWebKey): boolean {
  const { kty, crv, use, alg, key_ops: operations, d } = key;
  const isForSignatures =
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));
  const isKnown = alg === undefined || (typeof alg === 'string' && algorithms.test(alg));
  if (!isForSignatures || !isKnown || d !== undefined) return false;
  if (kty !== 'RSA' && !curves.includes(String(crv))) return false;
  try {
    const { modulusLength = leastModulusBits } =
      createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails ?? {};
    return modulusLength >= leastModulusBits;
  } catch {
    return false;
  }
}
