import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Context } from './context.ts';
import { mayFail } from './countTotals.ts';

/** Compiling takes as long as a dozen executions save (3 ms for 50 aliases): it is for documents that come again. */
const executionsBefore = 2;

type Prepared = { executions: number; query: CompiledQuery['query'] | undefined };

type FormatError = (formatted: GraphQLFormattedError, thrown: unknown) => GraphQLFormattedError;

/**
 * Executes documents that come again as code made for each, which takes a fifth of the time. Where that cannot be, or where
 * variables are refused (in other words than graphql-js has), the operation is left to graphql-js.
 */
export function createCompiledExecution(formatError: FormatError): ApolloServerPlugin<Context> {
  // By name, as a document may have several operations. Apollo Server holds documents as long as it has place for them.
  const prepared = new WeakMap<DocumentNode, Map<string | null, Prepared>>();

  function prepare(schema: GraphQLSchema, document: DocumentNode, name: string | null) {
    const byName = prepared.get(document) ?? new Map<string | null, Prepared>();
    const one = byName.get(name) ?? { executions: 0, query: undefined };
    prepared.set(document, byName.set(name, one));
    one.executions += 1;
    if (one.executions === executionsBefore + 1) one.query = compile(schema, document, name);
    return one.query;
  }

  return {
    requestDidStart: async () => ({
      async responseForOperation({ schema, document, operationName, request, contextValue }) {
        const query = prepare(schema, document, operationName);
        const result = await query?.({}, contextValue, request.variables ?? {});
        if (result?.data === undefined) return null;
        contextValue.outcome.execution = 'compiled';
        const errors = result.errors?.map((error) => {
          const located = withNodes(error, document);
          return formatError(located.toJSON(), located);
        });
        const singleResult = errors === undefined ? { data: result.data } : { errors, data: result.data };
        return {
          http: { headers: new HeaderMap() },
          body: { kind: 'single', singleResult },
        };
      },
    }),
  };
}

function compile(schema: GraphQLSchema, document: DocumentNode, name: string | null) {
  if (mayMergeSkipped(document)) return undefined;
  const compiled = compileQuery(schema, document, name ?? undefined);
  return isCompiledQuery(compiled) ? compiled.query : undefined;
}

/** Where fields of one name are merged, compiled code names the places of those, too, that a directive skips. */
function mayMergeSkipped(document: DocumentNode): boolean {
  const names: string[] = [];
  let hasDirectives = false;
  visit(document, {
    Directive: () => {
      hasDirectives = true;
    },
    Field: ({ alias, name }) => {
      if (mayFail(name.value)) names.push((alias ?? name).value);
    },
  });
  return hasDirectives && new Set(names).size < names.length;
}

/** Errors of compiled code know where in the document they belong, but not to which field. */
function withNodes(
  { message, locations, path, originalError }: GraphQLError,
  document: DocumentNode,
): GraphQLError {
  const places = new Set(locations?.map(({ line, column }) => `${line}:${column}`));
  const nodes: FieldNode[] = [];
  visit(document, {
    Field: (node) => {
      const { line, column } = node.loc?.startToken ?? { line: 0, column: 0 };
      if (places.has(`${line}:${column}`)) nodes.push(node);
    },
  });
  return new GraphQLError(message, { nodes, path: path ?? null, originalError: originalError ?? null });
}
