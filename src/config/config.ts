import { isIP } from 'node:net';
import leven from 'leven';
import { z } from 'zod';
import { type Environment, prepareEnvironment, type ReadFile, readText } from './environment.ts';
import { type ListedDocument, parseManifest } from './manifest.ts';
import { requiredVariables, secretVariables, variables } from './variables.ts';

const guardedPrefix = /^(ZENSKAR|UPSTREAM|CACHE|GRAPHQL|JWT|AUTH)_/;
/** Variables that Kubernetes sets for services, such as one named `graphql`. */
const serviceLinkName = /_SERVICE_HOST$|_SERVICE_PORT|_PORT$|_PORT_/;
/** The OpenTelemetry libraries read more variables than the gateway. */
const otelPrefix = /^OTEL_/;

type Variables = { [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };
/** The settings, each under the name of its variable. The safelist holds the content of its file. */
export type Config = Readonly<Omit<Variables, 'GRAPHQL_SAFELIST'>> & {
  GRAPHQL_SAFELIST?: readonly ListedDocument[] | undefined;
};

/** A configuration problem that only shows while the gateway is built. */
export class ConfigurationError extends Error {}

type RequiredVariable = (typeof requiredVariables)[keyof typeof requiredVariables][number];

/** The value of a variable that the chosen `AUTH_MODE` requires; `parseConfig` has checked that it is set. */
export function need<Name extends RequiredVariable>(config: Config, name: Name): NonNullable<Config[Name]> {
  const value = config[name];
  if (value === undefined) throw new Error(`${name} is missing.`);
  return value;
}

const { GRAPHQL_INTROSPECTION, GRAPHQL_MAX_DEPTH, GRAPHQL_MAX_ALIASES, GRAPHQL_MAX_TOKENS } = variables;
const { GRAPHQL_MAX_TOTALS, RATE_LIMIT_PER_MINUTE } = variables;
const limits = z.object({
  GRAPHQL_INTROSPECTION,
  GRAPHQL_MAX_DEPTH,
  GRAPHQL_MAX_ALIASES,
  GRAPHQL_MAX_TOKENS,
  GRAPHQL_MAX_TOTALS,
  RATE_LIMIT_PER_MINUTE,
});

/** The settings that limit operations. */
export type Limits = z.output<typeof limits>;

/** Reads these settings alone from an environment. Throws a sentence about the first problem. */
export function parseLimits(environment: Environment): Limits {
  const set = Object.entries(environment).filter(([, value]) => value !== '');
  const { data, error } = limits.safeParse(Object.fromEntries(set));
  if (data !== undefined) return data;
  const { path = [], message = '' } = error.issues[0] ?? {};
  throw new ConfigurationError(`${path.join('.')} is not valid; expected ${message}.`);
}

/** `warnings` name the variables whose values are ignored. */
export type ValidConfig = { config: Config; warnings: readonly string[] };
export type ParsedConfig = ({ ok: true } & ValidConfig) | { ok: false; problems: readonly string[] };

/**
 * Reads the settings from an environment. Reports all problems at once, one sentence each: the variable, what is wrong,
 * what is expected, never the value of a secret. `readFile` reads the safelist and the `NAME_FILE` variants.
 */
export function parseConfig(environment: Environment, readFile: ReadFile): ParsedConfig {
  const { values, problems, warnings, rejected } = prepareEnvironment(environment, readFile);
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(variables)) {
    const value = values[name] || undefined;
    const result = rejected.has(name) ? undefined : schema.safeParse(value);
    if (result?.success) parsed[name] = result.data;
    else if (otelPrefix.test(name)) parsed[name] = schema.parse(undefined);
    if (result?.error) problems.push(describeProblem(name, value, result.error));
  }
  const safelist = readSafelist(
    rejected.has('GRAPHQL_SAFELIST') ? undefined : values.GRAPHQL_SAFELIST,
    readFile,
  );
  parsed.GRAPHQL_SAFELIST = safelist.documents;
  problems.push(...missingVariables(parsed, (name) => Boolean(values[name]) || rejected.has(name)));
  const unknown = describeUnknown(Object.keys(environment));
  problems.push(...safelist.problems, ...unknown.problems);
  problems.push(...missingMode(values), ...anonymousAccess(parsed));
  // Platforms set them for all programs of a host, so the specification asks to ignore values that a program does not support
  // (OpenTelemetry, "Environment Variable Specification", types).
  const { ignored = [], fatal = [] } = Object.groupBy(problems, (problem) =>
    otelPrefix.test(problem) ? 'ignored' : 'fatal',
  );
  if (fatal.length > 0) return { ok: false, problems: fatal };
  warnings.push(...unknown.warnings, ...ignored.map((problem) => `${problem} The value is ignored.`));
  return { ok: true, config: parsed as Config, warnings };
}

function readSafelist(path: string | undefined, readFile: ReadFile) {
  if (!path) return { documents: undefined, problems: [] };
  const text = readText(path, readFile);
  const expected =
    "expected the path of a readable manifest: Apollo's format, or a JSON object of texts by id.";
  if (text === undefined)
    return { documents: undefined, problems: [`GRAPHQL_SAFELIST cannot be read; ${expected}`] };
  const parsed = parseManifest(text);
  if (parsed.ok) return { documents: parsed.documents, problems: [] };
  const problem = `GRAPHQL_SAFELIST is not a manifest (${parsed.problem}); ${expected}`;
  return { documents: undefined, problems: [problem] };
}

function missingVariables({ AUTH_MODE: mode }: Partial<Config>, isSet: (name: string) => boolean): string[] {
  if (mode === undefined) return [];
  const missing = requiredVariables[mode].filter((name) => !isSet(name));
  return missing.map((name) => `${name} is missing; it is required with AUTH_MODE=${mode}.`);
}

function describeProblem(name: string, value: string | undefined, error: z.ZodError): string {
  const shown = mayHoldSecret(name) ? 'has a value that is not shown here' : `is ${JSON.stringify(value)}`;
  return `${name} ${shown}; expected ${error.issues.map((issue) => issue.message).join(', ')}.`;
}

function describeUnknown(names: readonly string[]) {
  const unknown = names.flatMap((name) => {
    const nearest = otelPrefix.test(name) ? undefined : nearestVariable(name);
    return nearest === undefined ? [] : [{ name, nearest }];
  });
  const links = unknown.map(({ name }) => name).filter((name) => serviceLinkName.test(name));
  return {
    problems: unknown
      .filter(({ name }) => !links.includes(name))
      .map(({ name, nearest }) => `${name} is not a variable of the gateway; did you mean ${nearest}?`),
    warnings:
      links.length === 0
        ? []
        : [
            `${links.join(', ')}: names of service links of Kubernetes, not of variables of the gateway. They are ignored; \`enableServiceLinks: false\` in the pod leaves them out.`,
          ],
  };
}

/** The variable that an unknown one may be meant for. */
function nearestVariable(name: string): string | undefined {
  const known = [...Object.keys(variables), ...secretVariables.map((secret) => `${secret}_FILE`)];
  if (known.includes(name)) return undefined;
  const nearest = known.toSorted((a, b) => leven(a, name) - leven(b, name))[0] ?? '';
  // A name without a guarded prefix may belong to another program, unless it is almost the name of a variable.
  const isMisspelt = leven(nearest, name) <= nearest.length / 6;
  return guardedPrefix.test(name) || isMisspelt ? nearest : undefined;
}

/** The settings of a mode without `AUTH_MODE` would leave the gateway open to every client. */
function missingMode(environment: Environment): string[] {
  const names = [...requiredVariables.jwt, ...requiredVariables.router];
  const given = names.find((name) => /^(JWT|ROUTER)_/.test(name) && environment[name]);
  if (given === undefined || environment.AUTH_MODE) return [];
  return [`AUTH_MODE is missing, though ${given} is set; expected one of none, jwt, router or passthrough.`];
}

function anonymousAccess({ HOST, AUTH_MODE, AUTH_ALLOW_ANONYMOUS }: Partial<Config>): string[] {
  if (HOST === undefined || isLoopback(HOST) || AUTH_MODE !== 'none' || AUTH_ALLOW_ANONYMOUS !== false)
    return [];
  return [
    `HOST is ${JSON.stringify(HOST)} and AUTH_MODE is none, so every client that reaches this address could read every ` +
      'total; expected a loopback HOST, or AUTH_ALLOW_ANONYMOUS=true if a proxy in front authenticates callers.',
  ];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** A URL may be invalid because it contains a password. */
export function mayHoldSecret(name: string): boolean {
  return /_(URL|ENDPOINT)$/.test(name) || secretVariables.some((secret) => secret === name);
}
