import { secretVariables, variables } from './variables.ts';

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
  const prepared = {
    values: preferLowerCase(environment),
    problems: [],
    warnings: [],
    rejected: new Set<string>(),
  };
  rejectWrappedValues(prepared);
  readSecretFiles(prepared, readFile);
  ignoreServiceLinks(prepared);
  return prepared;
}

/** The usual names of proxies are lower-case ones, which take precedence in curl and Node. */
export function preferLowerCase(environment: Environment): Record<string, string | undefined> {
  const values = { ...environment };
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'])
    values[name] = environment[name.toLowerCase()] || environment[name];
  return values;
}

/** Quotes, spaces and line ends around a value never belong to it, and what fails because of them names another cause. */
function rejectWrappedValues({ values, problems, rejected }: PreparedEnvironment): void {
  const names = [...Object.keys(variables), ...secretVariables.map((name) => `${name}_FILE`)];
  for (const name of names) {
    const problem = describeWrapping(name, values[name] ?? '');
    if (problem === undefined) continue;
    rejected.add(name.replace(/_FILE$/, ''));
    problems.push(problem);
  }
}

function describeWrapping(name: string, value: string): string | undefined {
  if (value !== value.trim())
    return `${name} has white space around its value, such as the line end of a file from Windows; expected the value alone.`;
  if (/^(["'`]).*\1$/s.test(value))
    return `${name} has quotes around its value; expected the value alone: \`docker --env-file\` and Kubernetes take quotes as a part of it.`;
  return undefined;
}

function readSecretFiles({ values, problems, rejected }: PreparedEnvironment, readFile: ReadFile): void {
  for (const name of secretVariables) {
    const path = values[`${name}_FILE`];
    if (!path || rejected.has(name)) continue;
    const secret = values[name] ? undefined : readText(path, readFile)?.trim();
    const problem = secret ? describeWrapping(name, secret) : describeMissing(name, values[name]);
    values[name] = secret;
    if (problem === undefined) continue;
    rejected.add(name);
    problems.push(problem);
  }
}

function describeMissing(name: string, value: string | undefined): string {
  return value
    ? `${name} and ${name}_FILE are both set; expected one of them.`
    : `${name}_FILE cannot be read or is empty; expected the path of a readable file that contains the secret.`;
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

/** The text without the byte order mark that editors of Windows write; undefined if the file cannot be read. */
export function readText(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path).replace(/^\uFEFF/, '');
  } catch {
    return undefined;
  }
}
