import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
} from 'jose';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';

/** The least time between two fetches of the key set, and before its first successful fetch. */
const cooldownMs = 10_000;
const firstCooldownMs = 1000;
/** The longest time that a withdrawn key is accepted while the issuer is reachable. Refreshes start at half of it. */
const maxAgeMs = 600_000;
const timeoutMs = 3000;
const minModulusBits = 2048;

/**
 * Finds the key for a token, given its header. Rejects with `SERVICE_UNAVAILABLE` if the key may be one that could not be fetched,
 * because then the token is not known to be invalid.
 */
type KeySet = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

type KeySetDependencies = { url: string; proxy?: string | undefined; emit: Emit; monotonic: () => number };

/**
 * The issuer's public keys, selected by `kid`. An unknown `kid` triggers a fetch. Known keys stay valid while the issuer
 * is unreachable. jose's own refresh is turned off: it would reject every token once its copy is too old, and it applies
 * its cooldown only after a successful fetch.
 */
export function createKeySet({ url, proxy, emit, monotonic }: KeySetDependencies): KeySet {
  const keySet = createRemoteKeys(url, proxy);
  let fetchedAtMs: number | undefined;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let hasFailed = false;
  let inFlight = Promise.resolve();
  void refresh();

  /** The rest of the cooldown. */
  function remainingMs(): number {
    return attemptedAtMs + (fetchedAtMs === undefined ? firstCooldownMs : cooldownMs) - monotonic();
  }

  /** Fetches the key set, except during the cooldown. Resolves when the latest fetch has ended, also if it failed. */
  function refresh(): Promise<void> {
    if (remainingMs() > 0) return inFlight;
    attemptedAtMs = monotonic();
    const onFetched = () => {
      fetchedAtMs = monotonic();
      hasFailed = false;
    };
    const onFailed = (error: Error) => {
      hasFailed = true;
      emit({ type: 'keysUnavailable', reason: reasonOf(error) });
    };
    inFlight = keySet.reload().then(onFetched, onFailed);
    return inFlight;
  }

  function toUnavailable(): AppError {
    const retryAfterSeconds = Math.max(1, Math.ceil(remainingMs() / 1000));
    const details = { retryAfterSeconds, reason: 'keys unavailable' };
    return new AppError(
      'SERVICE_UNAVAILABLE',
      'The keys that verify tokens cannot be fetched. Try again.',
      details,
    );
  }

  return async (header, token) => {
    // With expired keys a request waits for the fetch; with ageing keys the fetch runs in the background.
    if (fetchedAtMs === undefined || monotonic() - fetchedAtMs > maxAgeMs) await refresh();
    else if (monotonic() - fetchedAtMs > maxAgeMs / 2) void refresh();
    if (fetchedAtMs === undefined) throw toUnavailable();
    try {
      return await keySet(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return await keySet(header, token).catch((cause: unknown) => {
        throw hasFailed && cause instanceof errors.JWKSNoMatchingKey ? toUnavailable() : cause;
      });
    }
  };
}

/** jose's own key set, which never fetches by itself. */
function createRemoteKeys(url: string, proxy: string | undefined) {
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    ...(proxy && { [customFetch]: createProxyFetch(proxy) }),
  });
}

/** Loads undici at the first call: the `fetch` of Node takes a proxy for the whole process only. */
function createProxyFetch(proxy: string): FetchImplementation {
  const loading = import('undici');
  return async (url, options) => {
    const { fetch, ProxyAgent } = await loading;
    // The signal, a timeout, does not end the wait for the proxy, which the next fetch would join.
    const dispatcher = new ProxyAgent(proxy);
    options.signal.addEventListener('abort', () => void dispatcher.destroy().catch(() => {}));
    // Undici declares its own class of the same interface.
    return (await fetch(url, { ...options, dispatcher })) as unknown as Response;
  };
}

/** A failed `fetch` has a generic message; its innermost cause names the reason. */
function reasonOf({ message, cause: outermost }: Error): string {
  let cause = outermost;
  while (Error.isError(cause) && Error.isError(cause.cause)) cause = cause.cause;
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
