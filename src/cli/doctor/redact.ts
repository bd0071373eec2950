import { type Environment, readSecrets } from './configuration.ts';

/** What is shorter stands in too many innocent words, and protects nothing. */
const leastLength = 4;

/** Makes texts fit to be shown: without secrets, whoever put them there, and on one line that drives no terminal. */
export type Redact = (text: string) => string;

export function createRedact(environment: Environment, readFile: (path: string) => string): Redact {
  const secrets = readSecrets(environment, readFile)
    .flatMap(withParts)
    .filter(({ length }) => length >= leastLength);
  // The longest first: one may be a part of another.
  const alternatives = secrets.toSorted((a, b) => b.length - a.length).map((secret) => RegExp.escape(secret));
  const pattern = secrets.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'gi');
  return (text) => {
    const shown = pattern === undefined ? text : text.replaceAll(pattern, '(secret)');
    return shown.replaceAll(/\p{C}+/gu, ' ');
  };
}

/** A secret in the forms in which somebody may repeat it; of a URL, the password as well. */
function withParts(secret: string): string[] {
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
