import { isIP } from 'node:net';
import leven from 'leven';
import { z } from 'zod';

const text = z.string();
const flag = z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true');
const port = integer(0, 65_535);
const milliseconds = integer(1, 600_000);
/** Goes out as a header, so it must be one line of visible ASCII (RFC 9110, section 5.5). */
const credential = text.regex(/^[\x21-\x7e]+$/, 'visible ASCII characters without spaces');

/**
 * Every environment variable the gateway reads: how it is parsed, its default and its meaning.
 * The table in README.md is tested against this one.
 */
export const variables = {
  HOST: text.default('127.0.0.1').describe('address the gateway listens on'),
  PORT: port.default(4000).describe('port it listens on; 0 takes a free one'),
  ZENSKAR_URL: z
    .string()
    .refine(isBaseUrl, 'an http or https URL without credentials, query or fragment')
    .transform((url) => url.replace(/\/+$/, ''))
    .default('https://api.zenskar.com')
    .describe('upstream base'),
  ZENSKAR_API_KEY: credential.describe('sent upstream as `x-api-key`'),
  ZENSKAR_ORGANISATION: credential.describe('sent upstream as `organisation`'),
  ZENSKAR_API_VERSION: credential.optional().describe('sent upstream as `apiversion`'),
  UPSTREAM_ATTEMPT_TIMEOUT_MS: milliseconds.default(2000).describe('limit of one upstream call'),
  UPSTREAM_CONCURRENCY: integer(1, 10_000)
    .default(64)
    .describe('upstream calls under way at once; the rest wait in line'),
  AUTH_MODE: z.enum(['none'], 'none').default('none').describe('how callers are identified'),
  AUTH_ALLOW_ANONYMOUS: flag
    .default(false)
    .describe('lets `AUTH_MODE=none` listen on an address other than loopback'),
  CORS_ORIGINS: text
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine(
      (origins) => origins.every(isOrigin),
      'origins such as https://app.example.com, separated by commas',
    )
    .default([])
    .describe('browser origins that may call, separated by commas'),
  GRAPHQL_EXPLORER: z
    .enum(['off', 'sandbox'], 'off or sandbox')
    .default('off')
    .describe('what a browser sees at `/graphql`: nothing, or Apollo Sandbox'),
  GRAPHQL_INTROSPECTION: flag.default(false).describe('whether the schema may be queried'),
  GRAPHQL_MAX_TOKENS: integer(1, 1_000_000).default(4000).describe('tokens one document may have'),
  GRAPHQL_MAX_TOTALS: integer(1, 1_000_000)
    .default(1000)
    .describe('totals one operation may ask for, aliases and lists together'),
  HTTP_MAX_BODY_BYTES: integer(1, 100_000_000).default(262_144).describe('limit of a request body'),
  SHUTDOWN_DELAY_MS: integer(0, 600_000).default(0).describe('time as unready before draining starts'),
  SHUTDOWN_TIMEOUT_MS: milliseconds.default(10_000).describe('time requests under way have to end'),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], 'debug, info, warn, error or silent')
    .default('info')
    .describe('JSON lines on stdout from this level on'),
};

/** Never printed, redacted from the log, and each may be given as a file in `NAME_FILE`. */
export const secretVariables = ['ZENSKAR_API_KEY', 'ZENSKAR_ORGANISATION'] as const;

const guardedPrefix = /^(ZENSKAR|UPSTREAM|CACHE|GRAPHQL|JWT|AUTH)_/;
/** What Kubernetes injects for a service that happens to be called, say, `graphql`. */
const kubernetesInjected = /_SERVICE_HOST$|_SERVICE_PORT|_PORT$|_PORT_/;

type Variables = { [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };
/** The gateway's settings, each under its variable's name. */
export type Config = Readonly<Variables>;

type Environment = Readonly<Record<string, string | undefined>>;
type ParsedConfig = { ok: true; config: Config } | { ok: false; problems: readonly string[] };

/**
 * Reads the settings from an environment. Reports every problem at once, one sentence each, naming the
 * variable and what is expected, and never a secret's value. `readFile` serves the `NAME_FILE` variants.
 */
export function parseConfig(environment: Environment, readFile: (path: string) => string): ParsedConfig {
  const { values, problems } = readSecretFiles(environment, readFile);
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(variables)) {
    const value = values[name] || undefined;
    const result = schema.safeParse(value);
    if (result.success) parsed[name] = result.data;
    // What is wrong with a secret's file was said when it was read.
    else if (value !== undefined || !environment[`${name}_FILE`])
      problems.push(describeProblem(name, value, result.error));
  }
  problems.push(...unknownVariables(environment), ...openDoor(parsed));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: parsed as Config };
}

function readSecretFiles(environment: Environment, readFile: (path: string) => string) {
  const values: Record<string, string | undefined> = { ...environment };
  const problems: string[] = [];
  for (const name of secretVariables) {
    const path = environment[`${name}_FILE`];
    if (!path) continue;
    if (environment[name]) {
      problems.push(`${name} and ${name}_FILE are both set; expected one of them.`);
      continue;
    }
    try {
      values[name] = readFile(path).trim();
    } catch {
      problems.push(`${name}_FILE cannot be read; expected the path of a readable file.`);
    }
  }
  return { values, problems };
}

function describeProblem(name: string, value: string | undefined, error: z.ZodError): string {
  if (value === undefined) return `${name} is missing; it is required.`;
  const shown = isSecret(name) ? 'has a value that is not shown here' : `is ${JSON.stringify(value)}`;
  return `${name} ${shown}; expected ${error.issues.map((issue) => issue.message).join(', ')}.`;
}

function unknownVariables(environment: Environment): string[] {
  const known = [...Object.keys(variables), ...secretVariables.map((name) => `${name}_FILE`)];
  const unknown = Object.keys(environment).filter(
    (name) => guardedPrefix.test(name) && !known.includes(name) && !kubernetesInjected.test(name),
  );
  return unknown.map((name) => {
    const nearest = known.toSorted((a, b) => leven(a, name) - leven(b, name))[0];
    return `${name} is not a variable of the gateway; did you mean ${nearest}?`;
  });
}

function openDoor({ HOST, AUTH_MODE, AUTH_ALLOW_ANONYMOUS }: Partial<Config>): string[] {
  if (HOST === undefined || isLoopback(HOST) || AUTH_MODE !== 'none' || AUTH_ALLOW_ANONYMOUS !== false)
    return [];
  return [
    `HOST is ${JSON.stringify(HOST)} and AUTH_MODE is none, so anybody who reaches this address could read every ` +
      'total; expected a loopback HOST, or AUTH_ALLOW_ANONYMOUS=true where something in front checks callers.',
  ];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isSecret(name: string): boolean {
  return secretVariables.some((secret) => secret === name);
}

function integer(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max, expected)
    .transform(Number);
}

function isBaseUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null && /^https?:$/.test(url.protocol) && !/[?#]/.test(value) && !url.username && !url.password
  );
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value;
}
