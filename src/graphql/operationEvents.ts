import type { ApolloServerPlugin } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import type { Emit, OperationEnded } from '../telemetry/events.ts';
import type { Context } from './context.ts';

type EventDependencies = { emit: Emit; now: () => number };

/** Tells of each operation once its answer is ready. */
export function createOperationEvents({ emit, now }: EventDependencies): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async willSendResponse({ contextValue, operationName, request, response }) {
        const result =
          response.body.kind === 'single' ? response.body.singleResult : response.body.initialResult;
        emit({
          type: 'operationEnded',
          requestId: contextValue.requestId,
          operationName: operationName ?? request.operationName ?? null,
          outcome: contextValue.signal.aborted ? 'cancelled' : toOutcome(result),
          codes: [...new Set(result.errors?.map(({ extensions }) => String(extensions?.code)))],
          upstreamCalls: contextValue.counts.upstreamCalls,
          durationMs: now() - contextValue.startedMs,
        });
      },
    }),
  };
}

function toOutcome({ data, errors }: FormattedExecutionResult): OperationEnded['outcome'] {
  if (!errors?.length) return 'ok';
  return Object.values(data ?? {}).some((value) => value !== null) ? 'partial' : 'failed';
}
