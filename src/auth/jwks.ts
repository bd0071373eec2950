import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type FlattenedJWSInput,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';

/** The least time between two fetches of the key set, and before its first successful fetch. */
const cooldownMs = 10_000;
const firstCooldownMs = 1000;
/** With the cooldown, a withdrawn key is accepted for ten minutes while the issuer is reachable. Refreshes start at half of it. */
const maxAgeMs = 590_000;
const timeoutMs = 3000;
const minModulusBits = 2048;

export type KeySet = {
  /**
   * Finds the key for a token, given its header. Rejects with `SERVICE_UNAVAILABLE` if the key may be one that could not be fetched,
   * because then the token is not known to be invalid; with `JWKSMultipleMatchingKeys` if the header fits several keys.
   */
  find: (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;
  /** Counts the contents that the key set has had. */
  generation: () => number;
  /** Whether a token that was verified with this generation needs no verification. Starts a fetch if the key set is ageing. */
  isCurrent: (generation: number) => boolean;
  /** Fetches the key set, at most once per cooldown; whether its content is another than in this generation. */
  hasChanged: (generation: number) => Promise<boolean>;
  /** Of the keys that tokens cannot name, because they have no `kid` or share it, the number. */
  countUnnamed: () => number;
};

type KeySetDependencies = { url: string; proxy?: string | undefined; emit: Emit; monotonic: () => number };

/**
 * The issuer's public keys, selected by `kid`. An unknown `kid` triggers a fetch. Known keys stay valid while the issuer
 * is unreachable.
 */
export function createKeySet(dependencies: KeySetDependencies): KeySet {
  const { keys, refresh, isExpired, refreshIfAgeing, state, toUnavailable } = createFetchedKeys(dependencies);

  async function find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    // With expired keys a request waits for the fetch; with ageing keys the fetch runs in the background.
    if (isExpired()) await refresh();
    else refreshIfAgeing();
    if (state.fetchedAtMs === undefined) throw toUnavailable();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return await keys(header, token).catch((cause: unknown) => {
        const mayBeNew = state.hasFailed && cause instanceof errors.JWKSNoMatchingKey;
        throw mayBeNew ? toUnavailable() : cause;
      });
    }
  }

  function isCurrent(generation: number): boolean {
    if (isExpired()) return false;
    refreshIfAgeing();
    return generation === state.generation;
  }

  async function hasChanged(generation: number): Promise<boolean> {
    await refresh();
    if (generation === state.generation && state.hasFailed) throw toUnavailable();
    return generation !== state.generation;
  }
  const countUnnamed = () => countWithoutName(keys.jwks()?.keys ?? []);
  return { find, generation: () => state.generation, isCurrent, hasChanged, countUnnamed };
}

type FetchState = {
  /** When the latest successful fetch started: a key may be withdrawn while the response is on its way. */
  fetchedAtMs: number | undefined;
  attemptedAtMs: number;
  hasFailed: boolean;
  content: string;
  generation: number;
};

/**
 * Fetches the key set and knows its age. jose's own refresh is turned off: it would reject every token once its copy is too old, and
 * it applies its cooldown only after a successful fetch.
 */
function createFetchedKeys({ url, proxy, emit, monotonic }: KeySetDependencies) {
  const keys = createRemoteKeys(url, proxy);
  const state: FetchState = {
    fetchedAtMs: undefined,
    attemptedAtMs: Number.NEGATIVE_INFINITY,
    hasFailed: false,
    content: '',
    generation: 0,
  };
  let inFlight = Promise.resolve();
  void refresh();

  /** The rest of the cooldown. */
  function remainingMs(): number {
    return (
      state.attemptedAtMs + (state.fetchedAtMs === undefined ? firstCooldownMs : cooldownMs) - monotonic()
    );
  }

  /** Fetches the key set, except during the cooldown. Resolves when the latest fetch has ended, also if it failed. */
  function refresh(): Promise<void> {
    if (remainingMs() > 0) return inFlight;
    const startedAtMs = monotonic();
    state.attemptedAtMs = startedAtMs;
    const onFetched = () => {
      const content = JSON.stringify(keys.jwks());
      const generation = state.generation + (content === state.content ? 0 : 1);
      Object.assign(state, { fetchedAtMs: startedAtMs, hasFailed: false, content, generation });
    };
    const onFailed = (error: Error) => {
      state.hasFailed = true;
      emit({ type: 'keysUnavailable', reason: reasonOf(error) });
    };
    inFlight = keys.reload().then(onFetched, onFailed);
    return inFlight;
  }

  /** Whether the keys are so old that the issuer must be asked before they are used. */
  function isExpired(): boolean {
    if (state.fetchedAtMs === undefined) return true;
    // While the issuer is down, only the request that starts the next fetch waits for it.
    const isWaiting = state.hasFailed && remainingMs() > 0;
    return monotonic() - state.fetchedAtMs > maxAgeMs && !isWaiting;
  }

  function refreshIfAgeing(): void {
    if (state.fetchedAtMs !== undefined && monotonic() - state.fetchedAtMs > maxAgeMs / 2) void refresh();
  }
  return {
    keys,
    refresh,
    isExpired,
    refreshIfAgeing,
    state,
    toUnavailable: () => toUnavailable(remainingMs()),
  };
}

function toUnavailable(remainingMs: number): AppError {
  const details = { retryAfterSeconds: remainingMs / 1000, reason: 'keys unavailable' };
  const message = 'The keys that verify tokens cannot be fetched. Try again.';
  return new AppError('SERVICE_UNAVAILABLE', message, details);
}

function countWithoutName(keys: readonly JWK[]): number {
  const names = keys.map(({ kid }) => kid);
  return names.filter((kid) => kid === undefined || names.indexOf(kid) !== names.lastIndexOf(kid)).length;
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
export async function hasKeyFor({ find }: Pick<KeySet, 'find'>, alg: string): Promise<boolean> {
  try {
    return isLargeEnough(await find({ alg }, { payload: '', signature: '' }));
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return false;
    for await (const key of error) if (isLargeEnough(key)) return true;
    return false;
  }
}

/** jose verifies no signature with a smaller RSA key. */
export function isLargeEnough({ algorithm }: CryptoKey): boolean {
  return !('modulusLength' in algorithm) || Number(algorithm.modulusLength) >= minModulusBits;
}
