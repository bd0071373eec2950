import {
  type DocumentNode,
  type FieldNode,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Context } from './context.ts';
import { isCompilable } from './jitSupport.ts';
import type { Operation } from './operation.ts';

/** Compiling takes as long as a dozen executions save (3 ms for 50 aliases): it is for documents that come again. */
const executionsBefore = 2;

type Query = CompiledQuery['query'];
type Prepared = { executions: number; query: Query | undefined };
type CompiledDependencies = {
  schema: GraphQLSchema;
  formatError: (error: GraphQLError, requestId: string) => GraphQLFormattedError;
};

export type CompiledExecution = {
  /** Whether there is code for this operation. */
  isReady: (operation: Operation) => boolean;
  /** The answer; undefined where the operation is to be left to graphql-js. */
  run: (operation: Operation, context: Context) => Promise<FormattedExecutionResult | undefined>;
};

/**
 * Executes documents that come again as code made for each, which takes a fifth of the time. Where that cannot be, or where
 * variables are refused (in other words than graphql-js has), the operation is left to graphql-js.
 */
export function createCompiledExecution(dependencies: CompiledDependencies): CompiledExecution {
  const { schema, formatError } = dependencies;
  // A document may have several operations.
  const prepared = new WeakMap<OperationDefinitionNode, Prepared>();
  const restore = createRestoring();

  function prepare({ document, definition }: Operation): Query | undefined {
    const one = prepared.get(definition) ?? { executions: 0, query: undefined };
    prepared.set(definition, one);
    one.executions += 1;
    if (one.executions === executionsBefore + 1) one.query = compile(schema, document, definition);
    return one.query;
  }

  async function run(operation: Operation, context: Context) {
    const query = prepare(operation);
    const { data, errors } = (await query?.({}, context, operation.variables)) ?? {};
    if (data === undefined) return undefined;
    context.outcome.execution = 'compiled';
    if (errors === undefined) return { data };
    return {
      errors: errors.map((error) => formatError(restore(error, operation.document), context.requestId)),
      data,
    };
  }
  return { isReady: ({ definition }) => prepared.get(definition)?.query !== undefined, run };
}

function compile(schema: GraphQLSchema, document: DocumentNode, { name }: OperationDefinitionNode) {
  if (!isCompilable(document)) return undefined;
  const compiled = compileQuery(schema, document, name?.value);
  return isCompiledQuery(compiled) ? compiled.query : undefined;
}

type Restore = (error: GraphQLError, document: DocumentNode) => GraphQLError;

/**
 * Errors of compiled code know where in the document they belong, but not to which field. Where that is, is looked up once
 * for each document: fifty totals may fail together.
 */
function createRestoring(): Restore {
  const known = new WeakMap<DocumentNode, ReadonlyMap<string, FieldNode>>();
  return ({ message, locations, path, originalError }, document) => {
    const fields = known.get(document) ?? fieldsByPlace(document);
    known.set(document, fields);
    const nodes = locations?.flatMap((place) => fields.get(toPlace(place)) ?? []) ?? [];
    return new GraphQLError(message, { nodes, path: path ?? null, originalError: originalError ?? null });
  };
}

function fieldsByPlace(document: DocumentNode): ReadonlyMap<string, FieldNode> {
  const fields = new Map<string, FieldNode>();
  visit(document, {
    Field: (node) => {
      if (node.loc !== undefined) fields.set(toPlace(node.loc.startToken), node);
    },
  });
  return fields;
}

function toPlace({ line, column }: { line: number; column: number }): string {
  return `${line}:${column}`;
}
