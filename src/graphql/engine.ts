import { execute, type FormattedExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { TotalSource } from '../totals/source.ts';
import type { LoadStats } from '../totals/stats.ts';
import { toCacheTags } from './cacheTags.ts';
import type { Context } from './context.ts';
import type { CostLimit } from './cost.ts';
import type { Operation } from './documents.ts';
import type { FormatError } from './formatError.ts';
import { prepare } from './jit.ts';

/** Until when, and on what condition, a response may be reused (RFC 9111, section 4.2). */
export type CachePolicy = {
  /** By the monotonic clock. */
  expiresAtMs: number;
  /** Whether a total in the response was, or may have been, purged since. */
  isPurged: (nowMs: number) => boolean;
};

/** The result of one operation and what was found out while it was executed. */
export type Answer = {
  /** Undefined when no operation was found. */
  operation: Operation | undefined;
  result: FormattedExecutionResult;
  /** Points of the rate limit: the totals that the operation asks for, at least one. */
  cost: number;
  /** Undefined when the response may not be reused. */
  cachePolicy: CachePolicy | undefined;
  /** `interpreted` by graphql-js or `compiled` by graphql-jit; undefined when nothing was executed. */
  engine: 'interpreted' | 'compiled' | undefined;
  retryAfterSeconds: number | undefined;
};

export type Engine = {
  /** Limits, rate limit, execution. Does not reject for errors of the operation: they are in the result. */
  answer: (operation: Operation, context: Context) => Promise<Answer>;
};

type EngineDependencies = {
  config: Config;
  schema: GraphQLSchema;
  costLimit: CostLimit;
  source: Pick<TotalSource, 'watchPurges'>;
  formatError: FormatError;
};

/** Executes valid operations. Known documents and Apollo Server both call it. */
export function createEngine(dependencies: EngineDependencies): Engine {
  const { config, schema, costLimit, source, formatError } = dependencies;
  const maxAgeMs = config.CACHE_MAX_AGE_SECONDS * 1000;

  async function answer(operation: Operation, context: Context): Promise<Answer> {
    try {
      const cost = costLimit.enforce(operation);
      if (cost > 1) await context.consume?.(cost - 1);
      const isPurged = source.watchPurges();
      const { result, engine } = await run(operation, context);
      if (config.GRAPHQL_CACHE_TAGS && result.data) result.extensions = toCacheTags(operation, context.stats);
      const cachePolicy = result.errors ? undefined : toCachePolicy(context.stats, { maxAgeMs, isPurged });
      return { operation, result, cost, cachePolicy, engine, retryAfterSeconds: undefined };
    } catch (error) {
      return reject(operation, error, context);
    }
  }

  async function run(operation: Operation, context: Context) {
    const { document, definition, variables } = operation;
    const compiled = await prepare(schema, operation)?.(variables, context);
    const format = ({ errors, data }: Awaited<ReturnType<typeof execute>>): FormattedExecutionResult => ({
      ...(errors && { errors: errors.map((error) => formatError(error, context.requestId)) }),
      // graphql-js adds `data: null` for an operation that it does not execute, such as a mutation.
      ...(data !== undefined && !(data === null && errors?.[0]?.path === undefined) && { data }),
    });
    // Without data, graphql-jit has rejected the variables. graphql-js executes instead, so that the message is always its own.
    if (compiled?.data !== undefined) return { result: format(compiled), engine: 'compiled' as const };
    const interpreted = await execute({
      schema,
      document: document.ast,
      contextValue: context,
      variableValues: variables,
      operationName: definition.name?.value,
    });
    return { result: format(interpreted), engine: 'interpreted' as const };
  }

  function reject(operation: Operation, error: unknown, { requestId }: Context): Answer {
    const originalError = error instanceof Error ? error : new Error(String(error));
    const formatted = formatError(new GraphQLError(originalError.message, { originalError }), requestId);
    const retryAfterSeconds = error instanceof AppError ? error.retryAfterSeconds : undefined;
    const nothing = { cost: 1, cachePolicy: undefined, engine: undefined };
    return { operation, result: { errors: [formatted] }, ...nothing, retryAfterSeconds };
  }
  return { answer };
}

type Lifetime = { maxAgeMs: number; isPurged: ReturnType<TotalSource['watchPurges']> };

/**
 * A response may be reused for as long as the oldest of its totals stays fresh; not at all when a total is stale, is being
 * refreshed or failed, or when it has no total.
 */
function toCachePolicy(stats: LoadStats, { maxAgeMs, isPurged }: Lifetime): CachePolicy | undefined {
  const { totals, sources, oldestReceivedAtMs, isRevalidating } = stats;
  if (isRevalidating || sources.stale || sources.failed || totals.length === 0) return undefined;
  return { expiresAtMs: oldestReceivedAtMs + maxAgeMs, isPurged: (nowMs) => isPurged(totals, nowMs) };
}
