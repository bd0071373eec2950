import { setTimeout as sleep } from 'node:timers/promises';
import {
  createTraceState,
  type Span as Recorded,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Config } from '../config/config.ts';
import { parseHeaderList } from '../config/otelVariables.ts';
import { name, version } from '../config/version.ts';
import type { Emit } from './events.ts';
import {
  type Attributes,
  createPassingSpan,
  parseTraceContext,
  type Span,
  type TraceContext,
  type Tracing,
  toTraceHeaders,
} from './tracing.ts';

/** The drain waits no longer than this for what was recorded last. */
const longestFlushMs = 1000;
/** How often at most it is told that spans are lost. */
const tellingMs = 60_000;

type TracingSettings = { url: string; config: Config; emit: Emit; now: () => number };

/** Traces by OpenTelemetry. Registers nothing globally: nobody else's code in this process is traced. */
export function createOpenTelemetry(settings: TracingSettings): Tracing {
  const { config } = settings;
  const processor = new BatchSpanProcessor({
    exporter: createExporter(settings),
    scheduledDelayMillis: config.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMillis: config.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  });
  const provider = new TracerProvider({
    resource: createResource(),
    sampler: createSampler(config),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer(name, version);

  return {
    startOperation(headers) {
      const caller = parseTraceContext(headers);
      const context = caller ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(caller)) : ROOT_CONTEXT;
      const recorded = tracer.startSpan('GraphQL Operation', { kind: SpanKind.SERVER }, context);
      return toSpan(recorded, { tracer, tracestate: caller?.tracestate });
    },
    async stop() {
      const flushed = provider.shutdown().catch(() => {});
      await Promise.race([flushed, sleep(longestFlushMs, undefined, { ref: false })]);
    },
  };
}

type Surroundings = { tracer: Tracer; tracestate: string | undefined };

function toSpan(recorded: Recorded, surroundings: Surroundings): Span {
  const { tracer, tracestate } = surroundings;
  const { traceId, spanId, traceFlags: flags } = recorded.spanContext();
  const headers = toTraceHeaders({ traceId, spanId, flags, tracestate });
  // Its parts would not be recorded either, so they need not be.
  if (!recorded.isRecording()) return createPassingSpan({ traceId, headers });
  const linked = new Set([spanId]);

  function describe(attributes: Attributes, newName?: string): void {
    recorded.setAttributes(toGiven(attributes));
    if (newName !== undefined) recorded.updateName(newName);
    if (attributes['error.type'] !== undefined) recorded.setStatus({ code: SpanStatusCode.ERROR });
  }
  return {
    traceId,
    headers,
    isRecording: true,
    start(part, { kind, attributes = {} } = {}) {
      const options = {
        kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL,
        attributes: toGiven(attributes),
      };
      return toSpan(tracer.startSpan(part, options, trace.setSpan(ROOT_CONTEXT, recorded)), surroundings);
    },
    link(other) {
      // Also to one that is not recorded: its trace has an id by which the log knows it, and others may record it.
      const context = parseTraceContext({ ...other.headers });
      if (context === undefined || linked.has(context.spanId)) return;
      linked.add(context.spanId);
      recorded.addLink({ context: toSpanContext(context) });
    },
    describe,
    end(attributes) {
      if (attributes !== undefined) describe(attributes);
      recorded.end();
    },
  };
}

function toGiven(attributes: Attributes): Record<string, string | number | string[]> {
  const given: Record<string, string | number | string[]> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) given[key] = typeof value === 'object' ? [...value] : value;
  }
  return given;
}

function toSpanContext({ traceId, spanId, flags: traceFlags, tracestate }: TraceContext): SpanContext {
  const context = { traceId, spanId, traceFlags, isRemote: true };
  return tracestate === undefined ? context : { ...context, traceState: createTraceState(tracestate) };
}

/** What the environment says of the process goes before what the gateway knows of itself. */
function createResource() {
  const own = resourceFromAttributes({ 'service.name': name, 'service.version': version });
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return defaultResource().merge(own).merge(detectResources({ detectors }));
}

function createSampler({ OTEL_TRACES_SAMPLER: kind, OTEL_TRACES_SAMPLER_ARG: ratio }: Config): Sampler {
  const root = rootSamplers[kind.replace('parentbased_', '')]?.(ratio) ?? new AlwaysOnSampler();
  return kind.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

const rootSamplers: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
};

/** The library's own, which tells nobody that it fails, made to tell. */
function createExporter({ url, config, emit, now }: TracingSettings): SpanExporter {
  const { OTEL_EXPORTER_OTLP_HEADERS: all, OTEL_EXPORTER_OTLP_TRACES_HEADERS: own } = config;
  const headers = { ...(all && parseHeaderList(all)), ...(own && parseHeaderList(own)) };
  const exporter = new OTLPTraceExporter({ url, headers });
  let toldAtMs = Number.NEGATIVE_INFINITY;

  function tell(lost: number, error: Error | undefined): void {
    if (now() - toldAtMs < tellingMs) return;
    toldAtMs = now();
    emit({ type: 'tracesLost', spans: lost, reason: reasonOf(error) });
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0) tell(spans.length, result.error);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** Not what the collector answered, which may be anything. */
function reasonOf(error: (Error & { code?: string | number }) | undefined): string {
  return String(error?.code || error?.message || 'unknown');
}
