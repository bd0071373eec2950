import { secretVariables } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

/** Kubernetes sets `NAME_PORT` to such a value for a service of that name, such as `tcp://10.0.0.1:80` for `ADMIN_PORT`. */
const serviceLink = /^(tcp|udp|sctp):\/\//i;
const ports = ['PORT', 'ADMIN_PORT'] as const;

/** Variables before they are parsed. `rejected` names those that have a problem already. */
type PreparedEnvironment = {
  values: Record<string, string | undefined>;
  problems: string[];
  warnings: string[];
  rejected: Set<string>;
};

/** Reads the `NAME_FILE` variants of secrets, and leaves out what other programs mean by a name of the gateway. */
export function prepareEnvironment(environment: Environment, readFile: ReadFile): PreparedEnvironment {
  const prepared = { values: { ...environment }, problems: [], warnings: [], rejected: new Set<string>() };
  readSecretFiles(prepared, readFile);
  ignoreServiceLinks(prepared);
  return prepared;
}

function readSecretFiles({ values, problems, rejected }: PreparedEnvironment, readFile: ReadFile): void {
  for (const name of secretVariables) {
    const path = values[`${name}_FILE`];
    if (!path) continue;
    const secret = values[name] ? undefined : readText(path, readFile)?.trim();
    if (!secret) {
      rejected.add(name);
      problems.push(
        values[name]
          ? `${name} and ${name}_FILE are both set; expected one of them.`
          : `${name}_FILE cannot be read or is empty; expected the path of a readable file that contains the secret.`,
      );
    } else values[name] = secret;
  }
}

function ignoreServiceLinks({ values, warnings }: PreparedEnvironment): void {
  for (const name of ports) {
    if (!serviceLink.test(values[name] ?? '')) continue;
    warnings.push(
      `${name} is ${JSON.stringify(values[name])}, a service link of Kubernetes; expected a port. The value is ignored.`,
    );
    delete values[name];
  }
}

/** Undefined if the file cannot be read. */
export function readText(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path);
  } catch {
    return undefined;
  }
}
