import {
  type Aggregator,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { Config } from '../config/config.ts';
import { version } from '../config/version.ts';
import type { Emit, OperationEnded } from './events.ts';

/** Names of operations that get a label value of their own: callers choose the names, and each one is a series. */
const maxNames = 200;
/** Gauges with the suffix of counters, which `promtool check metrics` rejects; each is the sum of another metric. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];
/** Seconds, from a cache hit in memory to the default deadline and beyond. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** With two more below the default attempt timeout of 2 s: an alert on slow calls would otherwise interpolate. */
const callBuckets = [...durationBuckets, 1.5, 2].toSorted((a, b) => a - b);
const circuitStates = { closed: 0, halfOpen: 1, open: 2 };

/** All metrics in the text format of Prometheus. */
export type ReadMetrics = () => Promise<{ contentType: string; body: string }>;

/** All metrics of one process as data. */
export type Samples = MetricObjectWithValues<MetricValue<string>>[];

export type Metrics = {
  /** Listens to all events. */
  count: Emit;
  countDroppedLine: () => void;
  read: ReadMetrics;
  /** The same as data, for the process that adds up the metrics of all workers. */
  readSamples: () => Promise<Samples>;
};

type MetricsSettings = {
  config: Pick<Config, 'UPSTREAM_BREAKER_RESET_MS'>;
  /** The names of a safelist's operations; undefined without a safelist. */
  operationNames?: readonly string[] | undefined;
  monotonic: () => number;
};

/** Counts events, so that no other part of the gateway knows about metrics. */
export function createMetrics(settings: MetricsSettings): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: 'gateway_info',
    help: 'Version of the running gateway',
    labelNames: ['version'],
    registers: [registry],
    aggregator: 'first',
  }).set({ version }, 1);
  const listeners = [
    countHttp(registry),
    countOperations(registry, createNaming(settings.operationNames)),
    countUpstream(registry),
    countUpstreamFaults(registry),
    countCircuits(registry, settings),
    countRedis(registry),
  ];
  return {
    count: (event) => {
      for (const listener of listeners) listener(event);
    },
    countDroppedLine: countDroppedLines(registry),
    readSamples: () => registry.getMetricsAsJSON(),
    read: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

export function countDroppedLines(registry: Registry): () => void {
  const { counter } = shorthandFor(registry);
  const dropped = counter('log_lines_dropped_total', 'Log lines dropped because stdout accepted no more');
  return () => dropped.inc();
}

function countHttp(registry: Registry): Emit {
  const { counter, gauge, histogram } = shorthandFor(registry);
  const requests = counter(
    'gateway_http_requests_total',
    'Responses of the main listener by status',
    'status',
  );
  const duration = histogram(
    'gateway_http_request_duration_seconds',
    'Duration of one request and its response',
  );
  const connections = gauge('gateway_connections', 'Open connections of the main listener');
  const draining = gauge('gateway_draining', '1 while the gateway drains before it stops, else 0', 'max');

  return (event) => {
    if (!('listener' in event) || event.listener !== 'main') return;
    if (event.type === 'requestEnded') {
      requests.inc({ status: event.status });
      duration.observe(event.durationMs / 1000);
    } else if (event.type === 'connectionsChanged') connections.set(event.open);
    else draining.set(event.type === 'draining' ? 1 : 0);
  };
}

function countOperations(registry: Registry, toName: Naming): Emit {
  const { counter, histogram } = shorthandFor(registry);
  const operations = counter(
    'graphql_operations_total',
    'Operations by name and outcome',
    'operation',
    'outcome',
  );
  const errors = counter('graphql_errors_total', 'Responses that contain an error of this code', 'code');
  const totals = counter(
    'totals_requested_total',
    'Requested totals by source; one in memory counts each time it is requested',
    'source',
  );
  const responses = counter('response_cache_total', 'Operations by response cache result', 'result');
  const executions = counter('graphql_executions_total', 'Operations by type of execution', 'execution');
  const duration = histogram('graphql_operation_duration_seconds', 'Duration of one operation');

  function countEnded(ended: OperationEnded): void {
    operations.inc({ operation: toName(ended.operationName), outcome: ended.outcome });
    responses.inc({ result: ended.responseCache });
    if (ended.execution !== undefined) executions.inc({ execution: ended.execution });
    for (const code of ended.codes) errors.inc({ code });
    for (const [source, count] of Object.entries(ended.totals)) totals.inc({ source }, count);
    duration.observe(ended.durationMs / 1000);
  }

  return (event) => {
    if (event.type === 'operationEnded') countEnded(event);
    // A rejected request does not become an operation.
    else if (event.type === 'requestRejected' && event.listener === 'main') errors.inc({ code: event.code });
  };
}

function countUpstream(registry: Registry): Emit {
  const { counter, gauge, histogram } = shorthandFor(registry);
  const calls = counter(
    'upstream_requests_total',
    'Upstream calls by status, or why there is none',
    'status',
  );
  const duration = histogram(
    'upstream_request_duration_seconds',
    'Duration of one upstream call',
    callBuckets,
  );
  const retries = counter('upstream_retries_total', 'Retries of upstream calls');
  const inFlight = gauge('upstream_inflight', 'Upstream calls in flight');
  const queue = gauge('upstream_queue', 'Upstream calls that wait in the queue');

  return (event) => {
    if (event.type === 'upstreamCallStarted') inFlight.inc();
    else if (event.type === 'upstreamCallEnded') {
      inFlight.dec();
      calls.inc({ status: event.result });
      duration.observe(event.durationMs / 1000);
    } else if (event.type === 'upstreamRetry') retries.inc();
    else if (event.type === 'upstreamQueueChanged') queue.inc(event.change);
  };
}

/** What follows from the failures of calls and from the contents of totals. */
function countUpstreamFaults(registry: Registry): Emit {
  const { counter } = shorthandFor(registry);
  const rejections = counter(
    'upstream_credentials_rejected_total',
    "Upstream calls whose API key or organisation Zenskar rejected, if they are the gateway's own",
  );
  const pauses = counter(
    'upstream_pauses_total',
    'Pauses of all calls of a tenant, after Retry-After or 429; one that processes share counts once',
  );
  const skipped = counter(
    'upstream_refreshes_skipped_total',
    'Refreshes of cached totals that were not made, because the last one had just failed',
  );
  const drift = counter(
    'upstream_contract_drift_total',
    'Valid totals that differ from the documented contract, by kind',
    'kind',
  );

  return (event) => {
    if (event.type === 'credentialsRejected') rejections.inc();
    else if (event.type === 'upstreamPaused' && event.origin === 'response') pauses.inc();
    else if (event.type === 'refreshSkipped') skipped.inc();
    else if (event.type === 'contractDrift') drift.inc({ kind: event.kind });
  };
}

function countCircuits(registry: Registry, { config, monotonic }: MetricsSettings): Emit {
  // A tenant that sends no more requests emits no more events: its last state expires after the reset time.
  const notClosed = new Map<string, { state: number; expiresAtMs: number }>();
  new Gauge({
    name: 'upstream_circuit_state',
    help: 'Worst state of all circuit breakers: 0 closed, 1 half-open, 2 open',
    aggregator: 'max',
    registers: [registry],
    collect() {
      for (const [tenant, { expiresAtMs }] of notClosed)
        if (expiresAtMs < monotonic()) notClosed.delete(tenant);
      this.set(Math.max(circuitStates.closed, ...notClosed.values().map(({ state }) => state)));
    },
  });

  return (event) => {
    if (event.type !== 'circuitChanged') return;
    const state = circuitStates[event.state];
    if (state === circuitStates.closed) notClosed.delete(event.tenant);
    else notClosed.set(event.tenant, { state, expiresAtMs: monotonic() + config.UPSTREAM_BREAKER_RESET_MS });
  };
}

function countRedis(registry: Registry): Emit {
  const { gauge } = shorthandFor(registry);
  // A gateway without Redis has none of these metrics.
  let up: Gauge | undefined;
  let pending: Gauge | undefined;
  return (event) => {
    if (event.type === 'redisChanged') {
      up ??= gauge('redis_up', '1 while Redis answers and takes all commands, else 0', 'min');
      up.set(event.state === 'up' ? 1 : 0);
    } else if (event.type === 'purgesPending') {
      pending ??= gauge('purges_pending', 'Purges that Redis has not taken yet');
      pending.set(event.count);
    }
  };
}

/** prom-client's constructors for one registry. `aggregator`: how the values of several workers become one. */
function shorthandFor(registry: Registry) {
  const registers = [registry];
  return {
    counter: <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Counter({ name, help, labelNames, registers }),
    gauge: (name: string, help: string, aggregator: Aggregator = 'sum') =>
      new Gauge({ name, help, aggregator, registers }),
    histogram: (name: string, help: string, buckets = durationBuckets) =>
      new Histogram({ name, help, buckets, registers }),
  };
}

type Naming = (name: string | null) => string;

/** A safelist contains all names in advance; without one the first names get a label value. */
function createNaming(listed: readonly string[] | undefined): Naming {
  const known = new Set(listed);
  return (name) => {
    if (name === null) return 'anonymous';
    if (listed === undefined && known.size < maxNames) known.add(name);
    return known.has(name) ? name : 'other';
  };
}
