import type { FormattedExecutionResult, GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';
import { toCacheTags } from './cacheTags.ts';
import type { Context } from './context.ts';
import { type CompiledExecution, createCompiledExecution } from './jit.ts';
import type { Operation } from './operation.ts';
import { createOperationEvents } from './operationEvents.ts';
import { createOperationLimit, type OperationLimit } from './operationLimit.ts';

type Ended = {
  /** Undefined where the document could not be read, or has no operation of that name. */
  operation: Operation | undefined;
  /** What the client calls it. */
  claimedName: string | null | undefined;
  result: FormattedExecutionResult;
};

/** What happens to every operation, whichever way it is taken. */
export type OperationSteps = {
  admit: OperationLimit;
  compiled: CompiledExecution;
  /** To be told of the result before it is sent. */
  end: (ended: Ended, context: Context) => void;
};

type StepDependencies = {
  config: Config;
  schema: GraphQLSchema;
  formatError: (error: GraphQLError, requestId: string) => GraphQLFormattedError;
  emit: Emit;
  now: () => number;
};

export function createOperationSteps({ config, schema, formatError, ...telling }: StepDependencies) {
  const tell = createOperationEvents(telling);

  function end({ operation, claimedName, result }: Ended, context: Context): void {
    if (config.GRAPHQL_CACHE_TAGS && operation !== undefined && result.data)
      result.extensions = toCacheTags(operation, context);
    tell(context, { operation, claimedName, result });
  }
  const steps: OperationSteps = {
    admit: createOperationLimit(largestOperation(config)),
    compiled: createCompiledExecution({ schema, formatError }),
    end,
  };
  return steps;
}

/** What costs more than a minute's units could never run, however often it is tried. */
function largestOperation({
  GRAPHQL_MAX_TOTALS: maxTotals,
  RATE_LIMIT_PER_MINUTE: perMinute,
}: Config): number {
  return perMinute === 0 ? maxTotals : Math.min(maxTotals, perMinute);
}
