import {
  type CryptoKey,
  createRemoteJWKSet,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
} from 'jose';
import type { Emit } from '../telemetry/events.ts';

/** How often at most the issuer is asked, whatever the tokens say; and while nothing is known of it yet. */
const cooldownMs = 10_000;
const firstCooldownMs = 1000;
/** How long a key that the issuer took back is still believed where the issuer can be asked; it is asked half way. */
const maxAgeMs = 600_000;
const timeoutMs = 3000;
const minModulusBits = 2048;

/** Finds the key for a token, given its header. */
type KeySet = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

type KeySetSettings = { url: string; emit: Emit; now: () => number };

/**
 * The keys of an issuer, by `kid`. A token with an unknown one has them fetched again, and is refused where that does
 * not help. Known keys outlive an issuer that cannot be reached: left to itself, jose would refuse every token once its
 * copy is too old, and would hold back only after a fetch that succeeded.
 */
export function createKeySet({ url, emit, now }: KeySetSettings): KeySet {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
  });
  let fetchedAtMs: number | undefined;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let underWay = Promise.resolve();
  void reload();

  /** Asks the issuer, unless it was asked a moment ago; resolves when the last question is over. */
  function reload(): Promise<void> {
    if (now() - attemptedAtMs < (fetchedAtMs === undefined ? firstCooldownMs : cooldownMs)) return underWay;
    attemptedAtMs = now();
    const keep = () => {
      fetchedAtMs = now();
    };
    const tell = (error: Error) => emit({ type: 'keysUnavailable', reason: reasonOf(error) });
    underWay = keys.reload().then(keep, tell);
    return underWay;
  }

  return async (header, token) => {
    // Once they are too old, whoever comes waits for the issuer's word, for as long as it is being asked.
    if (fetchedAtMs === undefined || now() - fetchedAtMs > maxAgeMs) await reload();
    else if (now() - fetchedAtMs > maxAgeMs / 2) void reload();
    if (fetchedAtMs === undefined) throw new errors.JWKSNoMatchingKey();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await reload();
      return keys(header, token);
    }
  };
}

/** The message of a failed `fetch` says only that it failed; its cause has the reason. */
function reasonOf({ message, cause }: Error): string {
  if (!Error.isError(cause)) return message;
  // Without a message, the cause is the failure of several addresses of one host.
  return `${message}: ${cause.message || ('code' in cause ? cause.code : cause.name)}`;
}

/** Whether the issuer publishes a public key that can verify signatures of this algorithm. */
export async function hasKeyFor(keySet: KeySet, alg: string): Promise<boolean> {
  try {
    return isLargeEnough(await keySet({ alg }, { payload: '', signature: '' }));
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return false;
    for await (const key of error) if (isLargeEnough(key)) return true;
    return false;
  }
}

/** jose verifies no signature with a smaller RSA key. */
function isLargeEnough({ algorithm }: CryptoKey): boolean {
  return !('modulusLength' in algorithm) || Number(algorithm.modulusLength) >= minModulusBits;
}
