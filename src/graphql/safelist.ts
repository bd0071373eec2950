import { type DefinitionNode, type GraphQLSchema, Kind, parse, stripIgnoredCharacters } from 'graphql';
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
  const problems = listProblems(documents, rules);
  if (problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  const byId = new Map<string, string>();
  const byText = new Map<string, string>();
  for (const document of documents) {
    const { id, body } = document;
    byId.set(toDocumentKey(id), body);
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

/** The names of the operations in those of these documents that can be parsed. */
export function namesOf(documents: readonly ListedDocument[]): string[] {
  const definitions = documents.flatMap(({ body }) => parseDefinitions(body));
  return definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? (node.name?.value ?? []) : [],
  );
}

/** The name of the operation, for the log and for messages. */
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

/** What is wrong with the documents, checked as requests for them are. */
export function listProblems(
  documents: readonly ListedDocument[],
  { schema, limits }: SafelistRules,
): string[] {
  const documentLimits = createDocumentLimits(limits);
  const costLimit = createCostLimit(limits);
  const keys = new Set<string>();
  return documents.flatMap((document) => {
    const key = toDocumentKey(document.id);
    if (keys.has(key)) return `GRAPHQL_SAFELIST lists the id ${toShown(document.id)} twice.`;
    keys.add(key);
    try {
      costLimit.enforceFixed(documentLimits.parseValid(document.body, schema));
      return [];
    } catch (error) {
      const problem = nameTokensLimit(error instanceof Error ? error.message : String(error));
      return `GRAPHQL_SAFELIST lists an invalid operation ${nameOf(document.body) ?? document.name}: ${problem}`;
    }
  });
}

function parseDefinitions(text: string): readonly DefinitionNode[] {
  try {
    return parse(text).definitions;
  } catch {
    return [];
  }
}
