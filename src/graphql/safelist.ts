import { type GraphQLSchema, parse, stripIgnoredCharacters, validate } from 'graphql';
import { ConfigurationError } from '../config/config.ts';
import type { Manifest, ManifestOperation } from '../config/manifest.ts';
import { AppError } from '../errors.ts';
import type { PersistedQueries } from './persistedQueries.ts';

/** The part of a request that names the operation: a JSON body, or the query of a URL. */
type OperationRequest = { method: string; search: string; body: unknown };

export type Safelist = {
  /** The listed text of the operation with this id. */
  find: (id: string) => string | undefined;
  /** The request with the listed text in place of its own; throws `QUERY_NOT_IN_SAFELIST` when its text is not listed. */
  enforce: <Request extends OperationRequest>(request: Request) => Request;
};

/** Allows only the operations of the manifest, by id or by text; white space in the text does not matter. */
export function createSafelist({ operations }: Manifest, schema: GraphQLSchema): Safelist {
  for (const operation of operations) rejectInvalid(operation, schema);
  const duplicate = operations.find(({ id }, n) => operations.findIndex((other) => other.id === id) !== n);
  if (duplicate !== undefined)
    throw new ConfigurationError(`GRAPHQL_SAFELIST lists the id ${duplicate.id} twice.`);
  const byId = new Map(operations.map(({ id, body }) => [id, body]));
  const byText = new Map(operations.map(({ body }) => [stripIgnoredCharacters(body), body]));

  function findListed(text: unknown): string {
    const body = typeof text === 'string' ? byText.get(normalize(text)) : undefined;
    if (body !== undefined) return body;
    const reason = typeof text === 'string' ? nameOf(text) : undefined;
    throw new AppError('QUERY_NOT_IN_SAFELIST', 'This operation is not in the safelist.', { reason });
  }

  function enforce<Request extends OperationRequest>(request: Request): Request {
    const { method, search, body } = request;
    if (method === 'GET') {
      const parameters = new URLSearchParams(search);
      if (!parameters.has('query')) return request;
      parameters.set('query', findListed(parameters.get('query')));
      parameters.delete('extensions');
      return { ...request, search: `?${parameters}` };
    }
    if (typeof body !== 'object' || body === null || !('query' in body)) return request;
    return { ...request, body: { ...body, query: findListed(body.query), extensions: {} } };
  }
  return { find: (id) => byId.get(id), enforce };
}

/** Persisted queries of a safelist: by id only, and none can be registered. Apollo Server prefixes the id. */
export function toPersistedQueries({ find }: Safelist): PersistedQueries {
  return {
    get: async (key) => find(key.replace(/^apq:/, '')),
    set: async () => {},
    delete: async () => {},
  };
}

/** The name of a rejected operation, for the log. */
function nameOf(text: string): string | undefined {
  return /\b(?:query|mutation)\s+(\w{1,128})/.exec(text)?.[1];
}

function normalize(text: string): string {
  try {
    return stripIgnoredCharacters(text);
  } catch {
    return '';
  }
}

function rejectInvalid({ name, body }: ManifestOperation, schema: GraphQLSchema): void {
  const problems = problemsOf(body, schema);
  if (problems.length > 0)
    throw new ConfigurationError(
      `GRAPHQL_SAFELIST lists an invalid operation ${name}: ${problems.join(' ')}`,
    );
}

function problemsOf(body: string, schema: GraphQLSchema): readonly string[] {
  try {
    return validate(schema, parse(body)).map(({ message }) => message);
  } catch (error) {
    return [String(error)];
  }
}
