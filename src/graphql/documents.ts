import type { ApolloServerOptions } from '@apollo/server';
import {
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  getOperationAST,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Context } from './context.ts';
import type { OperationParameters } from './request.ts';

/** A valid operation and its variables, which are not coerced yet. */
export type Operation = {
  document: DocumentRecord;
  definition: OperationDefinitionNode;
  variables: Readonly<Record<string, unknown>>;
};

/** What an operation asks for, before equal totals collapse. */
export type Cost = {
  totals: number;
  /** Fields of the response; a field with a long name counts more than once. */
  fields: number;
};

export type CompiledOperation = (
  variables: Operation['variables'],
  context: Context,
) => Promise<ExecutionResult>;

/** What is known of one operation of a document. */
type OperationRecord = {
  executions: number;
  /** Code made for the operation; undefined until it has been executed often enough, or when it cannot be compiled. */
  compiled: CompiledOperation | undefined;
  hasFixedCost: boolean | undefined;
  /** The cost when no variable changes it. */
  fixedCost: Cost | undefined;
};

/** A valid document and what was found out about it. */
export type DocumentRecord = {
  ast: DocumentNode;
  operationOf: (definition: OperationDefinitionNode) => OperationRecord;
  /** The field that starts at this place. */
  fieldAt: (location: { line: number; column: number }) => FieldNode | undefined;
};

export type Documents = {
  /** In the form that Apollo Server asks for. */
  store: NonNullable<ApolloServerOptions<object>['documentStore']>;
  recordOf: (ast: DocumentNode) => DocumentRecord;
  /** The operation of this request if its document is known to be valid; not by the id of a persisted query. */
  findOperation: (parameters: OperationParameters) => Operation | undefined;
};

/** Characters of all texts together. A document takes some hundred times as many bytes as its text has characters. */
const maxLength = 200_000;
/** V8 hashes longer strings by their length alone, so that a caller could make all of its own collide. */
const maxKeyLength = 16_000;

/**
 * Keeps documents that were parsed and validated. Apollo Server's own store measures documents by the length of their JSON,
 * which leaves most of each out: callers that sent ever new ones drove the gateway to 400 MiB.
 */
export function createDocuments(): Documents {
  const records = new WeakMap<DocumentNode, DocumentRecord>();
  const hashes = new Map<string, string>();
  const byHash = new LRUCache<string, DocumentRecord>({
    maxSize: maxLength,
    dispose: ({ ast }) => hashes.delete(textOf(ast)),
  });

  function recordOf(ast: DocumentNode): DocumentRecord {
    const known = records.get(ast);
    if (known !== undefined) return known;
    const record = createRecord(ast);
    records.set(ast, record);
    return record;
  }

  async function set(hash: string, ast: DocumentNode): Promise<void> {
    const text = textOf(ast);
    const record = recordOf(ast);
    byHash.set(hash, record, { size: Math.max(1, text.length) });
    if (byHash.has(hash) && text.length <= maxKeyLength) hashes.set(text, hash);
  }

  function findOperation(parameters: OperationParameters): Operation | undefined {
    const { query, operationName, variables = {}, extensions } = parameters;
    if (query === undefined || extensions !== undefined) return undefined;
    const hash = hashes.get(query);
    // Through the LRU cache, so that a document in use is not evicted.
    const document = hash === undefined ? undefined : byHash.get(hash);
    const definition = document && getOperationAST(document.ast, operationName);
    return document && definition ? { document, definition, variables } : undefined;
  }

  const store = {
    get: async (hash: string) => byHash.get(hash)?.ast,
    set,
    delete: async (hash: string) => byHash.delete(hash),
  };
  return { store, recordOf, findOperation };
}

function createRecord(ast: DocumentNode): DocumentRecord {
  const operations = new Map<OperationDefinitionNode, OperationRecord>();
  let fields: ReadonlyMap<string, FieldNode> | undefined;

  function operationOf(definition: OperationDefinitionNode): OperationRecord {
    const known = operations.get(definition);
    if (known !== undefined) return known;
    const record = { executions: 0, compiled: undefined, hasFixedCost: undefined, fixedCost: undefined };
    operations.set(definition, record);
    return record;
  }

  function fieldAt(location: { line: number; column: number }): FieldNode | undefined {
    fields ??= indexFields(ast);
    return fields.get(toPlace(location));
  }
  return { ast, operationOf, fieldAt };
}

function indexFields(ast: DocumentNode): ReadonlyMap<string, FieldNode> {
  const fields = new Map<string, FieldNode>();
  visit(ast, {
    Field: (node) => {
      if (node.loc !== undefined) fields.set(toPlace(node.loc.startToken), node);
    },
  });
  return fields;
}

function toPlace({ line, column }: { line: number; column: number }): string {
  return `${line}:${column}`;
}

/** The parser always records the source. */
function textOf({ loc }: DocumentNode): string {
  return loc?.source.body ?? '';
}
