import type { ApolloServerPlugin } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import type { Emit, OperationEnded } from '../telemetry/events.ts';
import type { Tally } from '../totals/tally.ts';
import type { Context } from './context.ts';

/** A name is for people; what is longer is something else. */
const maxNameLength = 128;

type EventDependencies = { emit: Emit; now: () => number };

/** Tells of each operation once its answer is ready. */
export function createOperationEvents({ emit, now }: EventDependencies): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async willSendResponse({ contextValue, operationName, request, response }) {
        const result =
          response.body.kind === 'single' ? response.body.singleResult : response.body.initialResult;
        const { outcome } = contextValue;
        outcome.operationName = (operationName ?? request.operationName)?.slice(0, maxNameLength) ?? null;
        outcome.hasErrors = Boolean(result.errors?.length);
        emit({
          type: 'operationEnded',
          requestId: contextValue.requestId,
          operationName: outcome.operationName,
          outcome: contextValue.signal.aborted ? 'cancelled' : toOutcome(result, contextValue.tally),
          codes: [...new Set(result.errors?.map(({ extensions }) => String(extensions?.code)))],
          upstreamCalls: contextValue.tally.upstreamCalls,
          totals: contextValue.tally.sources,
          responseCache: 'miss',
          execution: outcome.execution,
          durationMs: now() - contextValue.startedMs,
        });
      },
    }),
  };
}

function toOutcome({ errors }: FormattedExecutionResult, { sources }: Tally): OperationEnded['outcome'] {
  if (!errors?.length) return 'ok';
  const { failed = 0, ...answered } = sources;
  return Object.keys(answered).length > 0 ? 'partial' : 'failed';
}
