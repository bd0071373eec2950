import { type GraphQLSchema, parse, stripIgnoredCharacters, validate } from 'graphql';
import { ConfigurationError } from '../config/config.ts';
import type { Manifest, ManifestOperation } from '../config/manifest.ts';
import { AppError } from '../errors.ts';
import type { PersistedQueries } from './persistedQueries.ts';
import type { OperationParameters } from './request.ts';

export type Safelist = {
  /** The listed text of the operation with this id. */
  find: (id: string) => string | undefined;
  /** The parameters with the listed text in place of their own; throws `QUERY_NOT_IN_SAFELIST` when the text is not listed. */
  enforce: (parameters: OperationParameters) => OperationParameters;
};

/** Allows only the operations of the manifest, by id or by text; white space in the text does not matter. */
export function createSafelist({ operations }: Manifest, schema: GraphQLSchema): Safelist {
  for (const operation of operations) rejectInvalid(operation, schema);
  const duplicate = operations.find(({ id }, n) => operations.findIndex((other) => other.id === id) !== n);
  if (duplicate !== undefined)
    throw new ConfigurationError(`GRAPHQL_SAFELIST lists the id ${duplicate.id} twice.`);
  const byId = new Map(operations.map(({ id, body }) => [id, body]));
  const byText = new Map(operations.map(({ body }) => [stripIgnoredCharacters(body), body]));

  function enforce(parameters: OperationParameters): OperationParameters {
    const { query } = parameters;
    // An id can find listed operations only.
    if (query === undefined) return parameters;
    const listed = byText.get(normalize(query));
    if (listed !== undefined) return { ...parameters, query: listed, extensions: undefined };
    const details = { reason: nameOf(query) };
    throw new AppError('QUERY_NOT_IN_SAFELIST', 'This operation is not in the safelist.', details);
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
