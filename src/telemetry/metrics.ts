import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { Manifest } from '../config/manifest.ts';
import { version } from '../config/version.ts';
import type { Emit, OperationEnded } from './events.ts';
import { createInstruments, durationBounds, type Instruments } from './instruments.ts';
import type { ReadMetrics, Samples } from './workerMetrics.ts';

/** So many operations have a name of their own here; anybody may name an operation as they like. */
const maxNames = 200;
/** Gauges that say they are counters, which `promtool check metrics` refuses; they are sums of others. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];
/** Between these two a call is slow, and not given up yet: whoever is told so must not be told by guesses in a wide bucket. */
const callBounds = [...durationBounds, 1.5, 2].toSorted((a, b) => a - b);
const circuitStates = { closed: 0, halfOpen: 1, open: 2 };

export type Metrics = {
  /** To be told of all that happens. */
  count: Emit;
  read: ReadMetrics;
  /** The same as data, for the process that adds up those of several. */
  readSamples: () => Promise<Samples>;
};

type MetricsSettings = {
  config: Pick<Config, 'GRAPHQL_SAFELIST' | 'UPSTREAM_BREAKER_RESET_MS'>;
  now: () => number;
};

/** Counts what happens in the gateway. Learns it from events, so that no other part knows of metrics. */
export function createMetrics(settings: MetricsSettings): Metrics {
  const registry = new Registry();
  const instruments = createInstruments(registry);
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: 'gateway_info',
    help: 'The version that runs',
    labelNames: ['version'],
    registers: [registry],
    aggregator: 'first',
  }).set({ version }, 1);
  const counts = [
    countHttp(instruments),
    countOperations(instruments, createNaming(settings.config.GRAPHQL_SAFELIST)),
    countUpstream(instruments),
    countCircuits(instruments, settings),
    countRedis(instruments),
  ];
  return {
    count: (event) => {
      for (const count of counts) count(event);
    },
    readSamples: () => registry.getMetricsAsJSON(),
    read: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

function countHttp({ counter, gauge, duration }: Instruments): Emit {
  const requests = counter('gateway_http_requests_total', 'Answers of the main listener by status', 'status');
  const took = duration('gateway_http_request_duration_seconds', 'From the head of a request to its answer');
  const connections = gauge('gateway_connections', 'Connections open to the main listener');
  const draining = gauge('gateway_draining', '1 while the gateway drains before it stops', {
    aggregator: 'max',
  });

  return (event) => {
    if (!('listener' in event) || event.listener !== 'main') return;
    if (event.type === 'requestEnded') {
      requests(1, event.status);
      took(event.durationMs);
    } else if (event.type === 'connectionsChanged') connections.set(event.open);
    else draining.set(event.type === 'draining' ? 1 : 0);
  };
}

function countOperations({ counter, duration }: Instruments, toName: Naming): Emit {
  const operations = counter('graphql_operations_total', 'Operations by name', 'operation', 'outcome');
  const errors = counter('graphql_errors_total', 'Answers with an error of this code', 'code');
  const totals = counter(
    'totals_requested_total',
    'Totals by where they came from; one at hand counts each time',
    'source',
  );
  const responses = counter('response_cache_total', 'Operations by whether the answer was there', 'result');
  const executions = counter('graphql_executions_total', 'Executions by who executed', 'execution');
  const took = duration('graphql_operation_duration_seconds', 'From the start of an operation to its result');

  // Copying the rest of an event took longer than to count all of it.
  function countEnded(ended: OperationEnded): void {
    operations(1, toName(ended.operationName), ended.outcome);
    responses(1, ended.responseCache);
    if (ended.execution !== undefined) executions(1, ended.execution);
    for (const code of ended.codes) errors(1, code);
    for (const source in ended.totals) totals(ended.totals[source] ?? 0, source);
    took(ended.durationMs);
  }

  return (event) => {
    if (event.type === 'operationEnded') countEnded(event);
    // Whoever is not let in comes as far as no operation.
    else if (event.type === 'requestRejected' && event.listener === 'main') errors(1, event.code);
  };
}

function countUpstream({ counter, gauge, duration }: Instruments): Emit {
  const calls = counter('upstream_requests_total', 'Calls by status, or by why there is none', 'status');
  const took = duration('upstream_request_duration_seconds', 'Of one call', callBounds);
  const retries = counter('upstream_retries_total', 'Calls that are made again');
  let underWay = 0;
  let waiting = 0;
  gauge('upstream_inflight', 'Calls under way', { read: () => underWay });
  gauge('upstream_queue', 'Calls that wait for their turn', { read: () => waiting });

  return (event) => {
    if (event.type === 'upstreamCallStarted') underWay += 1;
    else if (event.type === 'upstreamCallEnded') {
      underWay -= 1;
      calls(1, event.result);
      took(event.durationMs);
    } else if (event.type === 'upstreamRetry') retries(1);
    else if (event.type === 'upstreamQueueChanged') waiting += event.change;
  };
}

function countCircuits({ gauge }: Instruments, { config, now }: MetricsSettings): Emit {
  // Of tenants that do not come back nothing more is heard: what was heard last counts for the reset time.
  const notClosed = new Map<string, { state: number; untilMs: number }>();

  function readWorst(): number {
    for (const [tenant, { untilMs }] of notClosed) if (untilMs < now()) notClosed.delete(tenant);
    return Math.max(circuitStates.closed, ...notClosed.values().map(({ state }) => state));
  }
  const help = '0 closed, 1 half open, 2 open: the worst there is';
  gauge('upstream_circuit_state', help, { aggregator: 'max', read: readWorst });

  return (event) => {
    if (event.type !== 'circuitChanged') return;
    const state = circuitStates[event.state];
    if (state === circuitStates.closed) notClosed.delete(event.tenant);
    else notClosed.set(event.tenant, { state, untilMs: now() + config.UPSTREAM_BREAKER_RESET_MS });
  };
}

function countRedis({ gauge }: Instruments): Emit {
  // Where there is no Redis there is nothing to be up.
  let up: Gauge | undefined;
  return (event) => {
    if (event.type !== 'redisChanged') return;
    up ??= gauge('redis_up', '1 while Redis answers', { aggregator: 'min' });
    up.set(event.state === 'up' ? 1 : 0);
  };
}

type Naming = (name: string | null) => string;

/** With a safelist all names there are, are known. */
function createNaming(safelist: Manifest | undefined): Naming {
  const known = new Set(safelist?.operations.map(({ name }) => name));
  return (name) => {
    if (name === null) return 'anonymous';
    if (safelist === undefined && known.size < maxNames) known.add(name);
    return known.has(name) ? name : 'other';
  };
}
