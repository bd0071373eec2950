import type { IncomingHttpHeaders } from 'node:http';
import {
  isSpanContextValid,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent, TraceState, W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Config } from '../config/config.ts';
import type { Emit, OperationEnded } from './events.ts';

/** Never an id, a credential or a caller's text: more people read traces than may see the data. */
export type Attributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

type SpanOptions = { kind?: 'client'; attributes?: Attributes };

export type Span = {
  traceId: string | undefined;
  /** Headers that continue the trace in the next service; empty without a trace. */
  toHeaders: () => TraceHeaders;
  /** False if attributes, links and child spans are discarded. */
  isRecording: boolean;
  /** Starts a child span. */
  start: (name: string, options?: SpanOptions) => Span;
  /** This span waits for work that the other one started. */
  link: (other: Span) => void;
  describe: (attributes: Attributes, name?: string) => void;
  /** The attribute `error.type` sets the status to error. */
  end: (attributes?: Attributes) => void;
};

export type Tracing = {
  /** Continues the caller's trace if the headers contain one. */
  startOperation: (headers: IncomingHttpHeaders) => Span;
  /** Exports the last spans within a bounded time. */
  stop: () => Promise<void>;
};

/** In the form of https://www.w3.org/TR/trace-context/. */
type TraceHeaders = { readonly traceparent?: string; readonly tracestate?: string };

const propagator = new W3CTraceContextPropagator();
/** Sampled and random: the recommendation reserves all other flags and requires zeros for them. */
const knownFlags = 0b11;
/** The propagator would send an empty tracestate when no member of the caller's is valid. */
const setter: TextMapSetter<Record<string, string>> = {
  set: (headers, header, value) => {
    if (value !== '') headers[header] = value;
  },
};

const ignore = () => {};

function createNonRecordingSpan(context: SpanContext | undefined): Span {
  const span: Span = {
    traceId: context?.traceId,
    toHeaders: () => inject(context),
    isRecording: false,
    start: () => span,
    link: ignore,
    describe: ignore,
    end: ignore,
  };
  return span;
}

export const noSpan = createNonRecordingSpan(undefined);

/** Records nothing and continues the caller's trace upstream. */
export const propagatingTracing: Tracing = {
  startOperation(headers) {
    const caller = headers.traceparent === undefined ? undefined : extract(headers);
    return caller === undefined ? noSpan : createNonRecordingSpan(caller);
  },
  stop: async () => {},
};

type LoadSettings = { config: Config; emit: Emit; monotonic: () => number };

/** The SDK and its exporter, which take about 5 MiB, are loaded only with a collector. */
export async function loadTracing(settings: LoadSettings): Promise<Tracing> {
  const url = toTracesUrl(settings.config);
  if (url === undefined) return propagatingTracing;
  const { createTracer } = await import('./openTelemetry.ts');
  const { tracer, stop } = createTracer({ url, ...settings });
  return { startOperation: (headers) => startOperation(tracer, headers), stop };
}

/** Undefined if no traces are exported. */
function toTracesUrl(config: Config): string | undefined {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base } = config;
  return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
}

function startOperation(tracer: Tracer, headers: IncomingHttpHeaders): Span {
  const caller = extract(headers);
  const parent = caller === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, caller);
  return toSpan(tracer.startSpan('GraphQL Operation', { kind: SpanKind.SERVER }, parent), tracer);
}

function toSpan(span: OtelSpan, tracer: Tracer): Span {
  const spanContext = span.spanContext();
  if (!span.isRecording()) return createNonRecordingSpan(spanContext);
  const { traceId, spanId } = spanContext;
  const context = trace.setSpan(ROOT_CONTEXT, span);
  const linked = new Set([spanId]);

  function describe(attributes: Attributes, newName?: string): void {
    span.setAttributes(toOtelAttributes(attributes));
    if (newName !== undefined) span.updateName(newName);
    if (attributes['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  }
  return {
    traceId,
    toHeaders: () => inject(spanContext),
    isRecording: true,
    start(childName, { kind, attributes = {} } = {}) {
      const otelKind = kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const options = { kind: otelKind, attributes: toOtelAttributes(attributes) };
      return toSpan(tracer.startSpan(childName, options, context), tracer);
    },
    link(other) {
      // Also to a span that is not recorded: the log has the id of its trace, and another service may record it.
      const target = extract(other.toHeaders());
      if (target === undefined || linked.has(target.spanId)) return;
      linked.add(target.spanId);
      span.addLink({ context: target });
    },
    describe,
    end(attributes) {
      if (attributes !== undefined) describe(attributes);
      span.end();
    },
  };
}

/** The caller's span; undefined without a valid traceparent. `extract` of the propagator would make two contexts for each request. */
function extract({ traceparent, tracestate }: IncomingHttpHeaders): SpanContext | undefined {
  const caller = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  if (caller === null || !isSpanContextValid(caller)) return undefined;
  // The propagator reads eight flags and writes four: with the others set its traceparent would be invalid.
  const context = { ...caller, traceFlags: caller.traceFlags & knownFlags, isRemote: true };
  return typeof tracestate === 'string' ? { ...context, traceState: new TraceState(tracestate) } : context;
}

function inject(context: SpanContext | undefined): TraceHeaders {
  const headers: Record<string, string> = {};
  if (context !== undefined) propagator.inject(trace.setSpanContext(ROOT_CONTEXT, context), headers, setter);
  return headers;
}

function toOtelAttributes(attributes: Attributes): Record<string, string | number | string[]> {
  const defined: Record<string, string | number | string[]> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) defined[key] = typeof value === 'object' ? [...value] : value;
  }
  return defined;
}

/** Gives the span of an operation what the log line contains, under OpenTelemetry's names. */
export function describeOperation(
  span: Span,
  { outcome, codes, responseCache }: Pick<OperationEnded, 'outcome' | 'codes'> & Partial<OperationEnded>,
  operation: { type?: string | undefined; name?: string | undefined },
): void {
  if (!span.isRecording) return;
  const attributes = {
    'graphql.operation.type': operation.type,
    'graphql.operation.name': operation.name,
    'gateway.outcome': outcome,
    'gateway.error_codes': codes.length > 0 ? codes : undefined,
    'gateway.response_cache': responseCache,
    // An error of the caller's is no failure of the gateway.
    'error.type': codes.find((code) => /^(UPSTREAM|INTERNAL)_/.test(code)),
  };
  span.describe(attributes, operation.type);
}
