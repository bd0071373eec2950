import { type DocumentNode, type GraphQLSchema, Kind, parse, stripIgnoredCharacters } from 'graphql';
import { ConfigurationError, type Limits } from '../config/config.ts';
import { type ListedDocument, toShown } from '../config/manifest.ts';
import { AppError } from '../errors.ts';
import { createCostLimit } from './cost.ts';
import { createDocumentLimits, nameTokensLimit } from './documentLimits.ts';
import type { PersistedQueries } from './persistedQueries.ts';
import { type OperationParameters, toDocumentKey } from './request.ts';

export type Safelist = {
  /** The listed text with this id, in the form of `toDocumentKey`. */
  find: (id: string) => string | undefined;
  /** The parameters with the listed text in place of their own; throws `QUERY_NOT_IN_SAFELIST` when the text is not listed. */
  enforce: (parameters: OperationParameters) => OperationParameters;
};

type SafelistRules = { schema: GraphQLSchema; limits: Limits };

/**
 * Allows only the listed documents, by id or by text; white space in the text does not matter. Throws if a document is one that every
 * request for it would reject.
 */
export function createSafelist(documents: readonly ListedDocument[], rules: SafelistRules): Safelist {
  const check = createCheck(rules);
  const byId = new Map<string, string>();
  const byText = new Map<string, string>();
  for (const document of documents) {
    check(document);
    const { id, body } = document;
    const key = toDocumentKey(id);
    if (byId.has(key)) throw new ConfigurationError(`GRAPHQL_SAFELIST lists the id ${toShown(id)} twice.`);
    byId.set(key, body);
    byText.set(stripIgnoredCharacters(body), body);
  }

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

/** The names of the operations in these documents. */
export function namesOf(documents: readonly ListedDocument[]): string[] {
  const definitions = documents.flatMap((document) => parseListed(document).definitions);
  return definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? (node.name?.value ?? []) : [],
  );
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

/** Checks a document as requests for it are checked. */
function createCheck({ schema, limits }: SafelistRules) {
  const documentLimits = createDocumentLimits(limits);
  const costLimit = createCostLimit(limits);
  return (document: ListedDocument): void => {
    try {
      costLimit.enforceFixed(documentLimits.parseValid(document.body, schema));
    } catch (error) {
      throw toInvalid(document, error);
    }
  };
}

function parseListed(document: ListedDocument): DocumentNode {
  try {
    return parse(document.body);
  } catch (error) {
    throw toInvalid(document, error);
  }
}

function toInvalid({ name }: ListedDocument, error: unknown): ConfigurationError {
  const problem = nameTokensLimit(error instanceof Error ? error.message : String(error));
  return new ConfigurationError(`GRAPHQL_SAFELIST lists an invalid operation ${name}: ${problem}`);
}
