import { isIP } from 'node:net';
import leven from 'leven';
import type { z } from 'zod';
import { type Manifest, parseManifest } from './manifest.ts';
import { requiredVariables, secretVariables, variables } from './variables.ts';

const guardedPrefix = /^(ZENSKAR|UPSTREAM|CACHE|GRAPHQL|JWT|AUTH)_/;
/** What Kubernetes injects for a service that happens to be called, say, `graphql`. */
const kubernetesInjected = /_SERVICE_HOST$|_SERVICE_PORT|_PORT$|_PORT_/;
/** Of OpenTelemetry there are more than the gateway reads. */
const othersPrefix = /^OTEL_/;

type Variables = { [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };
/** The gateway's settings, each under its variable's name; the safelist is what its file holds. */
export type Config = Readonly<Omit<Variables, 'GRAPHQL_SAFELIST'>> & {
  GRAPHQL_SAFELIST?: Manifest | undefined;
};

/** A problem of the configuration that shows only once the gateway is being built. */
export class ConfigurationError extends Error {}

type RequiredVariable = (typeof requiredVariables)[keyof typeof requiredVariables][number];

/** A variable that the chosen `AUTH_MODE` cannot do without, and so has: `parseConfig` saw to it. */
export function need(config: Config, name: RequiredVariable): string {
  const value = config[name];
  if (value === undefined) throw new Error(`${name} is missing.`);
  return value;
}

type Environment = Readonly<Record<string, string | undefined>>;
type ParsedConfig = { ok: true; config: Config } | { ok: false; problems: readonly string[] };

/**
 * Reads the settings from an environment. Reports every problem at once, one sentence each, naming the
 * variable and what is expected, and never a secret's value. `readFile` serves the safelist and the `NAME_FILE` variants.
 */
export function parseConfig(environment: Environment, readFile: (path: string) => string): ParsedConfig {
  const { values, problems, refused } = readSecretFiles(environment, readFile);
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(variables)) {
    if (refused.has(name)) continue;
    const value = values[name] || undefined;
    const result = schema.safeParse(value);
    if (result.success) parsed[name] = result.data;
    else problems.push(describeProblem(name, value, result.error));
  }
  const safelist = readSafelist(values.GRAPHQL_SAFELIST, readFile);
  parsed.GRAPHQL_SAFELIST = safelist.manifest;
  problems.push(...missingVariables(parsed, (name) => Boolean(values[name]) || refused.has(name)));
  problems.push(...safelist.problems, ...unknownVariables(environment));
  problems.push(...forgottenMode(values), ...openDoor(parsed));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: parsed as Config };
}

function readSecretFiles(environment: Environment, readFile: (path: string) => string) {
  const values: Record<string, string | undefined> = { ...environment };
  const problems: string[] = [];
  const refused = new Set<string>();
  for (const name of secretVariables) {
    const path = environment[`${name}_FILE`];
    if (!path) continue;
    const secret = environment[name] ? undefined : readText(path, readFile)?.trim();
    if (secret) {
      values[name] = secret;
      continue;
    }
    refused.add(name);
    problems.push(
      environment[name]
        ? `${name} and ${name}_FILE are both set; expected one of them.`
        : `${name}_FILE cannot be read, or is empty; expected the path of a readable file with the secret in it.`,
    );
  }
  return { values, problems, refused };
}

function readText(path: string, readFile: (path: string) => string): string | undefined {
  try {
    return readFile(path);
  } catch {
    return undefined;
  }
}

function readSafelist(path: string | undefined, readFile: (path: string) => string) {
  if (!path) return { manifest: undefined, problems: [] };
  const manifest = parseManifest(readText(path, readFile) ?? '');
  const complaint =
    'GRAPHQL_SAFELIST cannot be read, or is no manifest; expected the path of a readable apollo-persisted-query-manifest.';
  return { manifest, problems: manifest === undefined ? [complaint] : [] };
}

function missingVariables(
  { AUTH_MODE: mode }: Partial<Config>,
  isGiven: (name: string) => boolean,
): string[] {
  if (mode === undefined) return [];
  const missing = requiredVariables[mode].filter((name) => !isGiven(name));
  return missing.map((name) => `${name} is missing; it is required with AUTH_MODE=${mode}.`);
}

function describeProblem(name: string, value: string | undefined, error: z.ZodError): string {
  const shown = mayHoldSecret(name) ? 'has a value that is not shown here' : `is ${JSON.stringify(value)}`;
  return `${name} ${shown}; expected ${error.issues.map((issue) => issue.message).join(', ')}.`;
}

function unknownVariables(environment: Environment): string[] {
  const known = [...Object.keys(variables), ...secretVariables.map((name) => `${name}_FILE`)];
  return Object.keys(environment).flatMap((name) => {
    if (known.includes(name) || kubernetesInjected.test(name) || othersPrefix.test(name)) return [];
    const nearest = known.toSorted((a, b) => leven(a, name) - leven(b, name))[0] ?? '';
    // A name of no guarded prefix may be somebody else's, unless it all but is one of ours.
    const isMisspelt = leven(nearest, name) <= nearest.length / 6;
    if (!guardedPrefix.test(name) && !isMisspelt) return [];
    return [`${name} is not a variable of the gateway; did you mean ${nearest}?`];
  });
}

/** Whoever says how callers are known, but not that they must be, has forgotten something. */
function forgottenMode(environment: Environment): string[] {
  const names = [...requiredVariables.jwt, ...requiredVariables.router];
  const telling = names.find((name) => /^(JWT|ROUTER)_/.test(name) && environment[name]);
  if (telling === undefined || environment.AUTH_MODE) return [];
  return [
    `AUTH_MODE is missing, though ${telling} is set; expected one of none, jwt, router or passthrough.`,
  ];
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

/** A URL that is refused may be refused because it carries a password. */
export function mayHoldSecret(name: string): boolean {
  return /_(URL|ENDPOINT)$/.test(name) || secretVariables.some((secret) => secret === name);
}
