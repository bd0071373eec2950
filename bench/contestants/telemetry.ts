import pino from 'pino';
import { Counter, collectDefaultMetrics, Histogram } from 'prom-client';

type Operation = { requestId: unknown; operation: string; durationMs: number; errors: readonly Error[] };

/** One JSON log line per operation and Prometheus metrics; undefined in the contestants that are marked silent. */
export const telemetry = process.env.SILENT === 'true' ? undefined : createTelemetry();

function createTelemetry() {
  // Asynchronous logging, as pino's documentation recommends for the least overhead.
  const logger = pino(pino.destination({ minLength: 4096, sync: false }));
  setInterval(() => logger.flush(), 100).unref();
  collectDefaultMetrics();
  const operations = new Counter({
    name: 'graphql_operations_total',
    help: 'GraphQL operations.',
    labelNames: ['operation', 'outcome'],
  });
  const seconds = new Histogram({
    name: 'graphql_operation_duration_seconds',
    help: 'Duration of one GraphQL operation.',
    labelNames: ['operation'],
  });
  const cacheReads = new Counter({
    name: 'cache_reads_total',
    help: 'Totals read from the cache.',
    labelNames: ['result'],
  });
  const upstreamSeconds = new Histogram({
    name: 'upstream_request_duration_seconds',
    help: 'Duration of one upstream call.',
    labelNames: ['outcome'],
  });
  return {
    logger,
    countCacheReads(hits: number, misses: number) {
      if (hits > 0) cacheReads.inc({ result: 'hit' }, hits);
      if (misses > 0) cacheReads.inc({ result: 'miss' }, misses);
    },
    startUpstreamTimer: () => upstreamSeconds.startTimer(),
    operationEnded({ requestId, operation, durationMs, errors }: Operation) {
      const outcome = errors.length === 0 ? 'ok' : 'error';
      operations.inc({ operation, outcome });
      seconds.observe({ operation }, durationMs / 1000);
      const messages = errors.length === 0 ? undefined : errors.map(({ message }) => message);
      logger.info({ requestId, operation, outcome, durationMs, errors: messages }, 'operation');
    },
  };
}
