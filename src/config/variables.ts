import { isIP } from 'node:net';
import { z } from 'zod';
import { otelVariables } from './otelVariables.ts';

const text = z.string();
const flag = z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true');
const port = integer(0, 65_535);
const milliseconds = integer(1, 600_000);
const seconds = integer(0, 31_536_000);
/** Goes out as a header, so it must be one line of visible ASCII (RFC 9110, section 5.5). */
const credential = text.regex(/^[\x21-\x7e]+$/, 'visible ASCII characters without spaces');

/**
 * Every environment variable the gateway reads: how it is parsed, its default and its meaning.
 * The table in README.md is tested against this one.
 */
export const variables = {
  HOST: text.default('127.0.0.1').describe('address the gateway listens on'),
  PORT: port.default(4000).describe('port it listens on; 0 takes a free one'),
  ADMIN_HOST: text.default('127.0.0.1').describe('address of the admin listener'),
  ADMIN_PORT: port.default(4001).describe('port of the admin listener; 0 takes a free one'),
  ZENSKAR_URL: z
    .string()
    .refine(isBaseUrl, 'an http or https URL without credentials, query or fragment')
    .transform((url) => new URL(url).href.replace(/\/+$/, ''))
    .default('https://api.zenskar.com')
    .describe('upstream base'),
  ZENSKAR_API_KEY: credential.optional().describe('sent upstream as `x-api-key`'),
  ZENSKAR_ORGANISATION: credential.optional().describe('sent upstream as `organisation`'),
  ZENSKAR_API_VERSION: credential.optional().describe('sent upstream as `apiversion`'),
  UPSTREAM_ATTEMPT_TIMEOUT_MS: milliseconds.default(2000).describe('limit of one upstream call'),
  UPSTREAM_DEADLINE_MS: milliseconds
    .default(5000)
    .describe('limit of all calls for one total together, with waiting in line and pauses'),
  UPSTREAM_RETRIES: integer(0, 10)
    .default(2)
    .describe('further calls after a timeout, a failed connection, 408, 429 or 5xx'),
  UPSTREAM_TRANSPORT: z
    .enum(['got', 'undici'], 'got or undici')
    .default('got')
    .describe('the HTTP client that calls Zenskar; undici is the faster'),
  UPSTREAM_CONCURRENCY: integer(1, 10_000)
    .default(64)
    .describe('upstream calls under way at once; the rest wait in line inside their deadline'),
  UPSTREAM_BREAKER_FAILURES: integer(1, 10_000)
    .default(10)
    .describe('consecutive failures that open the circuit, so that no calls are made'),
  UPSTREAM_BREAKER_RESET_MS: milliseconds
    .default(5000)
    .describe('time until an open circuit lets one call through to try again'),
  CACHE_MAX_AGE_SECONDS: seconds
    .default(30)
    .describe('a total is fresh this long; 0 keeps nothing between requests'),
  CACHE_STALE_WHILE_REVALIDATE_SECONDS: seconds
    .default(60)
    .describe('then this long it is answered at once, marked stale, while it is refreshed'),
  CACHE_STALE_IF_ERROR_SECONDS: seconds
    .default(3600)
    .describe('then this long it is answered, marked stale, where Zenskar fails'),
  CACHE_MAX_ENTRIES: integer(1, 100_000_000).default(100_000).describe('totals kept in this process'),
  REDIS_URL: text
    .refine(isRedisUrl, 'a redis or rediss URL')
    .optional()
    .describe('cache shared by all replicas, and the way they hear of purges'),
  AUTH_MODE: z
    .enum(['none', 'jwt', 'router', 'passthrough'], 'none, jwt, router or passthrough')
    .default('none')
    .describe('how callers are identified'),
  AUTH_ALLOW_ANONYMOUS: flag
    .default(false)
    .describe('lets `AUTH_MODE=none` listen on an address other than loopback'),
  JWT_JWKS_URL: text
    .refine(isKeysUrl, 'an http or https URL without credentials or fragment')
    .optional()
    .describe('where the keys that sign tokens are published'),
  JWT_ISSUER: text.optional().describe('the `iss` of every token'),
  JWT_AUDIENCE: text.optional().describe('what the `aud` of every token names'),
  JWT_CUSTOMER_CLAIM: text
    .default('customer_id')
    .describe('claim with the id, or the list of ids, of the customers that a caller may see'),
  JWT_ALL_CUSTOMERS_SCOPE: credential
    .default('entitlements:read:all')
    .describe('scope of a caller that may see every customer'),
  ROUTER_SECRET: credential.optional().describe('sent by the router as `x-router-secret`'),
  CORS_ORIGINS: list()
    .refine(
      (origins) => origins.every(isOrigin),
      'origins such as https://app.example.com, separated by commas',
    )
    .default([])
    .describe('browser origins that may call, separated by commas'),
  RATE_LIMIT_PER_MINUTE: integer(0, 100_000_000)
    .default(0)
    .describe(
      'totals a caller may ask for in a minute, each operation counting as one at least; 0 sets no limit',
    ),
  TRUSTED_PROXIES: list()
    .refine(
      (networks) => networks.every(isNetwork),
      'addresses or networks such as 10.0.0.0/8, separated by commas',
    )
    .default([])
    .describe('addresses or networks whose `x-forwarded-for` is believed, separated by commas'),
  GRAPHQL_EXPLORER: z
    .enum(['off', 'sandbox', 'graphiql'], 'off, sandbox or graphiql')
    .default('off')
    .describe('what a browser sees at `/graphql`: nothing, Apollo Sandbox, or GraphiQL'),
  GRAPHQL_CACHE_TAGS: flag
    .default(false)
    .describe('whether answers tell Apollo Router their cache tags, `customer-ID` each'),
  GRAPHQL_INTROSPECTION: flag.default(false).describe('whether the schema may be queried'),
  GRAPHQL_SAFELIST: text
    .optional()
    .describe('path of a persisted query manifest; then nothing runs but what it lists'),
  GRAPHQL_MAX_DEPTH: integer(1, 1000).default(10).describe('levels of fields one operation may have'),
  GRAPHQL_MAX_ALIASES: integer(1, 100_000).default(100).describe('aliases one operation may have'),
  GRAPHQL_MAX_TOKENS: integer(1, 1_000_000).default(4000).describe('tokens one document may have'),
  GRAPHQL_MAX_TOTALS: integer(1, 1_000_000)
    .default(1000)
    .describe('totals one operation may ask for, aliases and lists together'),
  HTTP_MAX_BODY_BYTES: integer(1, 100_000_000).default(262_144).describe('limit of a request body'),
  PURGE_TOKEN: credential.optional().describe('turns `POST /purge` on, for whoever bears it'),
  WEB_CONCURRENCY: integer(1, 128).default(1).describe('worker processes that share the port'),
  SHUTDOWN_DELAY_MS: integer(0, 600_000).default(0).describe('time as unready before draining starts'),
  SHUTDOWN_TIMEOUT_MS: milliseconds.default(10_000).describe('time requests under way have to end'),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], 'debug, info, warn, error or silent')
    .default('info')
    .describe('JSON lines on stdout from this level on'),
  ...otelVariables,
};

/** Never printed, redacted from the log, and each may be given as a file in `NAME_FILE`. */
export const secretVariables = [
  'ZENSKAR_API_KEY',
  'ZENSKAR_ORGANISATION',
  'ROUTER_SECRET',
  'REDIS_URL',
  'PURGE_TOKEN',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
] as const;

const zenskarCredentials = ['ZENSKAR_API_KEY', 'ZENSKAR_ORGANISATION'] as const;

/** What each `AUTH_MODE` cannot do without. */
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

function list() {
  return text.transform((value) => value.split(',').map((one) => one.trim()));
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

function isNetwork(value: string): boolean {
  const [, address = '', prefix = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value;
}

function isRedisUrl(value: string): boolean {
  const url = URL.parse(value);
  try {
    decodeURIComponent(`${url?.username}${url?.password}`);
  } catch {
    return false;
  }
  return url !== null && /^rediss?:$/.test(url.protocol) && /^(\/\d*)?$/.test(url.pathname);
}
