import { isIP } from 'node:net';
import { z } from 'zod';
import { otelVariables } from './otelVariables.ts';

const text = z.string();
/** In any case: Python, Helm and others write `True`. */
const flag = text
  .toLowerCase()
  .pipe(z.enum(['true', 'false'], 'true or false'))
  .transform((value) => value === 'true');
const address = text
  .transform((value) => value.replace(/^\[(.+)\]$/, '$1'))
  .refine(
    (value) => isIP(value) !== 0 || /^[\w.-]+$/.test(value),
    'an address or a host name, without a port',
  );
const port = integer(0, 65_535);
const milliseconds = integer(1, 600_000);
const seconds = integer(0, 31_536_000);
/** Sent as a header: one line of visible ASCII (RFC 9110, section 5.5). */
const credential = text.regex(/^[\x21-\x7e]+$/, 'visible ASCII characters without spaces');
/** As with curl, a proxy without scheme is an http one. */
const proxy = text
  .transform((value) => (value.includes('://') ? value : `http://${value}`))
  .refine(isProxyUrl, 'an http URL such as http://proxy.example.com:3128, or an https URL with a host name')
  .transform((value) => new URL(value).href)
  .optional();

/**
 * Every environment variable of the gateway: parser, default and meaning.
 * A test compares the table in docs/configuration.md with this one.
 */
export const variables = {
  HOST: address.default('127.0.0.1').describe('Address of the main listener.'),
  PORT: port.default(4000).describe('Port of the main listener. 0 selects a free port.'),
  ADMIN_HOST: address.default('127.0.0.1').describe('Address of the admin listener.'),
  ADMIN_PORT: port.default(4001).describe('Port of the admin listener. 0 selects a free port.'),
  ZENSKAR_URL: z
    .string()
    .refine(isBaseUrl, 'an http or https URL without credentials, query or fragment')
    .transform((url) => new URL(url).href.replace(/\/+$/, ''))
    .default('https://api.zenskar.com')
    .describe('Base URL of Zenskar.'),
  ZENSKAR_API_KEY: credential.optional().describe('API key for Zenskar, sent as `x-api-key`.'),
  ZENSKAR_ORGANISATION: credential.optional().describe('Organisation id in Zenskar, sent as `organisation`.'),
  ZENSKAR_API_VERSION: credential.optional().describe('API version for Zenskar, sent as `apiversion`.'),
  UPSTREAM_ATTEMPT_TIMEOUT_MS: milliseconds.default(2000).describe('Timeout of one upstream call.'),
  UPSTREAM_DEADLINE_MS: milliseconds
    .default(5000)
    .describe('Deadline of one total: queue, attempts and backoff.'),
  UPSTREAM_RETRIES: integer(0, 10)
    .default(2)
    .describe('Retries after a timeout, connection failure, error page, redirect, 408, 429 or 5xx.'),
  UPSTREAM_TRANSPORT: z
    .enum(['got', 'undici'], 'got or undici')
    .default('got')
    .describe('HTTP client for upstream calls. `undici` uses less CPU time than `got`.'),
  UPSTREAM_CONCURRENCY: integer(1, 10_000)
    .default(64)
    .describe('Upstream calls in flight at once. Further calls wait in a queue, within their deadline.'),
  UPSTREAM_BREAKER_FAILURES: integer(1, 10_000)
    .default(10)
    .describe('Consecutive failures that open the circuit breaker.'),
  UPSTREAM_BREAKER_RESET_MS: milliseconds
    .default(5000)
    .describe('Time until an open circuit breaker lets one call through.'),
  CACHE_MAX_AGE_SECONDS: seconds.default(30).describe('Time a total is fresh. 0 disables the cache.'),
  CACHE_STALE_WHILE_REVALIDATE_SECONDS: seconds
    .default(60)
    .describe('Time after that in which the stale total is returned at once while it is refreshed.'),
  CACHE_STALE_IF_ERROR_SECONDS: seconds
    .default(86_400)
    .describe('Time after that in which the stale total is returned if Zenskar fails.'),
  CACHE_MAX_ENTRIES: integer(1, 100_000_000)
    .default(100_000)
    .describe('Maximum number of totals in memory, per process.'),
  REDIS_URL: list(isRedisUrl, 'redis or rediss URLs without query or fragment, separated by commas')
    .optional()
    .describe(
      'Redis that all replicas share: cache, purges, rate limits, persisted queries. Several URLs, separated by commas, are nodes of a Redis Cluster.',
    ),
  AUTH_MODE: z
    .enum(['none', 'jwt', 'router', 'passthrough'], 'none, jwt, router or passthrough')
    .default('none')
    .describe('How callers are authenticated: `none`, `jwt`, `router` or `passthrough`.'),
  AUTH_ALLOW_ANONYMOUS: flag
    .default(false)
    .describe('Allows `AUTH_MODE=none` on other addresses than loopback.'),
  JWT_JWKS_URL: text
    .refine(isKeysUrl, 'an http or https URL without credentials or fragment')
    .optional()
    .describe('URL of the JSON Web Key Set that verifies tokens.'),
  JWT_ISSUER: text.optional().describe('Issuer that the `iss` of every token must be.'),
  JWT_AUDIENCE: list((item) => item !== '', 'audiences, separated by commas')
    .optional()
    .describe(
      'Audiences, separated by commas; the `aud` of every token, or else its `client_id`, names one.',
    ),
  JWT_CUSTOMER_CLAIM: text
    .refine(isClaimName, 'the name of a claim, or a path of names separated by dots')
    .default('customer_id')
    .describe(
      'Claim with the id, or the ids, of the customers that the caller may see; dots for nested claims.',
    ),
  JWT_ALL_CUSTOMERS_SCOPE: credential
    .default('entitlements:read:all')
    .describe('Scope with which the caller may see every customer.'),
  ROUTER_SECRET: credential.optional().describe('Secret that the router sends as `x-router-secret`.'),
  CORS_ORIGINS: text
    .transform(toItems)
    .superRefine((items, context) => {
      const message = [...new Set(items.map(describeOrigin))]
        .filter((problem) => problem !== undefined)
        .join('; ');
      if (message !== '') context.addIssue({ code: 'custom', message });
    })
    .default([])
    .describe('Origins of pages and apps that may call the gateway, separated by commas.'),
  RATE_LIMIT_PER_MINUTE: integer(0, 100_000_000)
    .default(0)
    .describe('Points per caller and minute: one per total, at least one per operation. 0 disables it.'),
  TRUSTED_PROXIES: list(isNetwork, 'addresses or networks such as 10.0.0.0/8, separated by commas')
    .default([])
    .describe('Addresses or networks whose `x-forwarded-for` is trusted, separated by commas.'),
  GRAPHQL_EXPLORER: z
    .enum(['off', 'sandbox', 'graphiql'], 'off, sandbox or graphiql')
    .default('off')
    .describe('Explorer for browsers at `/graphql`: `off`, `sandbox` (Apollo Sandbox) or `graphiql`.'),
  GRAPHQL_CACHE_TAGS: flag
    .default(false)
    .describe('Returns the cache tags `customer-ID` to the response cache of Apollo Router.'),
  GRAPHQL_INTROSPECTION: flag.default(false).describe('Allows introspection of the schema.'),
  GRAPHQL_SAFELIST: text
    .optional()
    .describe('Path of a manifest of persisted documents; only its operations are executed.'),
  GRAPHQL_MAX_DEPTH: integer(1, 1000)
    .default(10)
    .describe('Maximum depth of fields in one operation. Fragments add no depth.'),
  GRAPHQL_MAX_ALIASES: integer(1, 100_000)
    .default(100)
    .describe('Maximum number of aliases in one operation.'),
  GRAPHQL_MAX_TOKENS: integer(1, 1_000_000)
    .default(4000)
    .describe('Maximum number of tokens in one document.'),
  GRAPHQL_MAX_TOTALS: integer(1, 1_000_000)
    .default(1000)
    .describe('Maximum number of totals in one operation, entities included.'),
  HTTP_MAX_BODY_BYTES: integer(1, 100_000_000)
    .default(262_144)
    .describe('Maximum size of a request body, as sent and as decoded.'),
  HTTP_KEEP_ALIVE_TIMEOUT_MS: integer(1000, 7_200_000)
    .default(65_000)
    .describe('Time an idle client connection stays open: longer than that of the load balancer in front.'),
  HTTP_SERVER_TIMING: flag
    .default(false)
    .describe('Sends `server-timing` and `timing-allow-origin` to the origins in `CORS_ORIGINS`.'),
  HTTPS_PROXY: proxy.describe('URL of the proxy for calls to https URLs: Zenskar, key set, collector.'),
  HTTP_PROXY: proxy.describe('URL of the proxy for calls to http URLs.'),
  NO_PROXY: text
    .optional()
    .describe('Hosts, domains and networks that are called without a proxy, separated by commas.'),
  PURGE_TOKEN: credential
    .optional()
    .describe('Bearer token for `POST /purge`. Without it the endpoint does not exist.'),
  WEB_CONCURRENCY: integer(1, 128).default(1).describe('Worker processes that share the port.'),
  SHUTDOWN_DELAY_MS: integer(0, 600_000)
    .default(0)
    .describe('Time between becoming unready and refusing new connections.'),
  SHUTDOWN_TIMEOUT_MS: milliseconds
    .default(10_000)
    .describe('Time after that for in-flight requests to end.'),
  LOG_LEVEL: text
    .toLowerCase()
    .pipe(z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'debug, info, warn, error or silent'))
    .default('info')
    .describe('Lowest level of the JSON lines on stdout.'),
  ...otelVariables,
};

/** Never printed and redacted from the log. `NAME_FILE` may name a file with the value instead. */
export const secretVariables = [
  'ZENSKAR_API_KEY',
  'ZENSKAR_ORGANISATION',
  'ROUTER_SECRET',
  'REDIS_URL',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'PURGE_TOKEN',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
] as const;

const zenskarCredentials = ['ZENSKAR_API_KEY', 'ZENSKAR_ORGANISATION'] as const;

/** Variables that each `AUTH_MODE` requires. */
export const requiredVariables = {
  none: zenskarCredentials,
  jwt: [...zenskarCredentials, 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'],
  router: [...zenskarCredentials, 'ROUTER_SECRET'],
  passthrough: [],
} as const satisfies Record<string, readonly (keyof typeof variables)[]>;

function integer(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max, expected)
    .transform(Number);
}

function list(isItem: (item: string) => boolean, expected: string) {
  return text.transform(toItems).refine((items) => items.every(isItem), expected);
}

function toItems(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

function isBaseUrl(value: string): boolean {
  return isKeysUrl(value) && !value.includes('?');
}

function isKeysUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null && /^https?:$/.test(url.protocol) && !value.includes('#') && !url.username && !url.password
  );
}

/** The gateway finds no claim by the name of a property that every object inherits. */
function isClaimName(value: string): boolean {
  return value.split('.').every((name) => !(name in Object.prototype));
}

function isNetwork(value: string): boolean {
  const [, address = '', prefix = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}

/**
 * What is expected in place of this item; undefined if it is an origin as clients send it. URLs have an origin only if the
 * scheme is one of the web's own; apps and extensions send their scheme and host (RFC 6454, section 6.2).
 */
function describeOrigin(item: string): string | undefined {
  if (item.includes('*')) return 'origins without "*": each one is named';
  if (item === 'null') return 'no "null", which is the origin of every sandboxed frame and local file';
  const url = URL.parse(item);
  if (!url?.host)
    return 'origins such as https://app.example.com or capacitor://localhost, separated by commas';
  const origin = url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
  return origin === item ? undefined : `${JSON.stringify(origin)} in place of ${JSON.stringify(item)}`;
}

function isProxyUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !hasReadableUser(url)) return false;
  // undici sends the host of an https proxy as the name of the TLS server, which cannot be an address (RFC 6066, section 3).
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  return url.protocol === 'http:' || (url.protocol === 'https:' && !isAddress);
}

/** User and password are sent decoded. */
function hasReadableUser({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function isRedisUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null &&
    hasReadableUser(url) &&
    /^rediss?:\/\/[^?#]+$/i.test(value) &&
    /^(\/\d*)?$/.test(url.pathname)
  );
}
