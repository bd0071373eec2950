import { mayHoldSecret } from '../../config/config.ts';
import { secretVariables, variables } from '../../config/variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => string;

/** Every variable that is set, by its value where that may be shown; of a secret, only whether it is set. */
export function showVariables(
  environment: Environment,
  readFile: ReadFile,
): Readonly<Record<string, string>> {
  const shown = Object.entries(variables).flatMap(([name, schema]) => {
    const value = environment[name];
    if (isSecretName(name)) return showSecret(name, environment, readFile);
    if (!value) return [];
    const isShowable = !mayHoldSecret(name) || schema.safeParse(value).success;
    return [[name, isShowable ? value : 'set, but not shown: it may hold a password']];
  });
  return Object.fromEntries(shown);
}

/** The values of all secrets, wherever they come from. */
export function readSecrets(environment: Environment, readFile: ReadFile): string[] {
  return secretVariables.flatMap((name) => {
    const path = environment[`${name}_FILE`];
    return [environment[name] ?? '', path ? (readText(path, readFile) ?? path) : ''].map((secret) =>
      secret.trim(),
    );
  });
}

function showSecret(name: string, environment: Environment, readFile: ReadFile): string[][] {
  const path = environment[`${name}_FILE`];
  const own = [name, environment[name] || path ? 'set' : 'not set'];
  if (!path) return [own];
  // Whoever mistook the one for the other has put the secret itself where its path should be.
  const isPath = readText(path, readFile) !== undefined;
  return [own, [`${name}_FILE`, isPath ? path : 'set, but not shown: no file can be read there']];
}

function isSecretName(name: string): boolean {
  return secretVariables.some((secret) => secret === name);
}

function readText(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path);
  } catch {
    return undefined;
  }
}
