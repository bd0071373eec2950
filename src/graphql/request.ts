import { AppError } from '../errors.ts';
import { parseJson } from '../text.ts';

const sha256Id = /^sha256:([0-9a-f]{64})$/;

type ParameterMap = Readonly<Record<string, unknown>>;

/** What a request asks for. An absent parameter is undefined, however the client has left it out. */
export type OperationParameters = {
  query?: string | undefined;
  operationName?: string | undefined;
  variables?: ParameterMap | undefined;
  /** Only the member that the gateway reads. */
  extensions?: { persistedQuery: PersistedQuery } | undefined;
};

/** In the form that Apollo Server reads; the id is a document key and need not be a hash. */
type PersistedQuery = { version: 1; sha256Hash: string };

type RawRequest = {
  method: string;
  /** The URL's query with its question mark, or empty. Read for a GET only. */
  search: string;
  /** The parsed JSON of a POST. */
  body: unknown;
};

/**
 * Reads the parameters of GraphQL over HTTP (edition of September 2026, section "Request Parameters", and the draft of its appendix
 * "Persisted Documents"); throws `BAD_REQUEST` if they are malformed. Null and the empty string mean absent for each of them. Unknown
 * parameters are ignored.
 */
export function parseRequest({ method, search, body }: RawRequest): OperationParameters {
  const parameters = method === 'GET' ? parseSearch(search) : toBodyParameters(body);
  const query = toText('query', parameters.query);
  const operationName = toText('operationName', parameters.operationName);
  const variables = toMap('variables', parameters.variables);
  const persistedQuery = findPersistedQuery(parameters);
  if (query !== undefined && !isAbsent(parameters.documentId))
    throw malformed('Expected either `query` or `documentId`, not both.');
  if (query === undefined && persistedQuery === undefined)
    throw malformed('Expected `query`, `documentId` or `extensions.persistedQuery`.');
  return { query, operationName, variables, extensions: persistedQuery && { persistedQuery } };
}

/**
 * The key under which a document with this id is found: `sha256:` before a SHA-256 hash is optional, in requests and manifests alike.
 * Every other id is its own key.
 */
export function toDocumentKey(id: string): string {
  return sha256Id.exec(id)?.[1] ?? id;
}

function toBodyParameters(body: unknown): ParameterMap {
  if (isMap(body)) return body;
  throw malformed('Expected one JSON object as the body; batches are not supported.');
}

function parseSearch(search: string): ParameterMap {
  const parameters = new URLSearchParams(search);
  return {
    query: findOnce(parameters, 'query'),
    documentId: findOnce(parameters, 'documentId'),
    operationName: findOnce(parameters, 'operationName'),
    variables: findJson(parameters, 'variables'),
    extensions: findJson(parameters, 'extensions'),
  };
}

/** A repeated parameter is ambiguous. */
function findOnce(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw malformed(`Expected the parameter \`${name}\` once.`);
  return values[0];
}

function findJson(parameters: URLSearchParams, name: string): unknown {
  const text = findOnce(parameters, name);
  if (isAbsent(text)) return undefined;
  const value = parseJson(text);
  if (value === undefined) throw malformed(`Expected \`${name}\` as JSON.`);
  return value;
}

function toText(name: string, value: unknown): string | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'string') return value;
  throw malformed(`Expected \`${name}\` as a string.`);
}

function toMap(name: string, value: unknown): ParameterMap | undefined {
  if (isAbsent(value)) return undefined;
  if (isMap(value)) return value;
  throw malformed(`Expected \`${name}\` as a JSON object.`);
}

/** `documentId` precedes the extension: urql's persistedExchange adds one with the hash of an empty text. */
function findPersistedQuery({ documentId, extensions }: ParameterMap): PersistedQuery | undefined {
  const persistedQuery = toPersistedQuery(toMap('extensions', extensions)?.persistedQuery);
  const id = toText('documentId', documentId);
  return id === undefined ? persistedQuery : { version: 1, sha256Hash: toDocumentKey(id) };
}

function toPersistedQuery(value: unknown): PersistedQuery | undefined {
  const map = toMap('extensions.persistedQuery', value);
  if (map === undefined) return undefined;
  const { version, sha256Hash } = map;
  if (version !== 1) throw malformed('Expected 1 as `extensions.persistedQuery.version`.');
  if (typeof sha256Hash === 'string') return { version, sha256Hash: toDocumentKey(sha256Hash) };
  throw malformed('Expected `extensions.persistedQuery.sha256Hash` as a string.');
}

function malformed(message: string): AppError {
  return new AppError('BAD_REQUEST', message);
}

function isMap(value: unknown): value is ParameterMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === '';
}
