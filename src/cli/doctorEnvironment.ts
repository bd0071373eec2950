import { mayHoldSecret } from '../config/config.ts';
import { type Environment, type ReadFile, readText } from '../config/environment.ts';
import { secretVariables, variables } from '../config/variables.ts';

/** Makes a text printable: without the values of secrets, on one line, without control characters. */
export type Redact = (text: string) => string;

/** Shorter values occur in too many ordinary words. */
const minSecretLength = 4;

export function createRedact(environment: Environment, readFile: ReadFile): Redact {
  const secrets = readSecrets(environment, readFile)
    .flatMap(toSpellings)
    .filter(({ length }) => length >= minSecretLength)
    // The longest first, because one secret may be a part of another.
    .toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(secrets.map((secret) => RegExp.escape(secret)).join('|') || '(?!)', 'gi');
  return (text) => text.replaceAll(pattern, '(secret)').replaceAll(/\p{C}+/gu, ' ');
}

/** The variables that are set, with their values; of a secret, only whether it is set. */
export function listVariables(environment: Environment, readFile: ReadFile): [name: string, value: string][] {
  return Object.entries(variables).flatMap(([name, schema]): [string, string][] => {
    const value = environment[name];
    if (secretVariables.some((secret) => secret === name)) return listSecret(name, environment, readFile);
    if (!value) return [];
    const isPrintable = !mayHoldSecret(name) || schema.safeParse(value).success;
    return [[name, isPrintable ? value : 'set, but not shown: it may contain a password']];
  });
}

function listSecret(name: string, environment: Environment, readFile: ReadFile): [string, string][] {
  const path = environment[`${name}_FILE`];
  if (!path) return [[name, environment[name] ? 'set' : 'not set']];
  // An unreadable path may be the secret itself, set in the wrong variable.
  const isReadable = readText(path, readFile) !== undefined;
  return [
    [name, 'set'],
    [`${name}_FILE`, isReadable ? path : 'set, but not shown: no file can be read there'],
  ];
}

function readSecrets(environment: Environment, readFile: ReadFile): string[] {
  return secretVariables.flatMap((name) => {
    const path = environment[`${name}_FILE`];
    const values = [environment[name] ?? '', path ? (readText(path, readFile) ?? path) : ''];
    // The address of a proxy or a Redis without a user is no secret.
    const isSecret = (value: string) => !/^(REDIS_URL|HTTPS?_PROXY)$/.test(name) || value.includes('@');
    const items = values.flatMap((value) => [value, ...value.split(',')]);
    return items.map((item) => item.trim()).filter(isSecret);
  });
}

/** The forms in which a response may repeat a secret or an item of a list; of a URL, also those of its password. */
function toSpellings(secret: string): string[] {
  const password = URL.parse(secret)?.password ?? '';
  const plain = [secret, password, decode(password)];
  return [...plain, encodeURIComponent(secret), ...plain.map((text) => JSON.stringify(text).slice(1, -1))];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
