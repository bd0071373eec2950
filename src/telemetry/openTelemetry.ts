import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { convertLegacyHttpOptions } from '@opentelemetry/otlp-exporter-base/node-http';
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
import { toProxy } from '../config/proxy.ts';
import { name, version } from '../config/version.ts';
import type { Emit } from './events.ts';

/** A drain waits at most this long for the export of the last spans. */
const maxFlushMs = 1000;
/** At most one event about lost spans in this time. */
const lossIntervalMs = 60_000;

type TracerSettings = { url: string; config: Config; emit: Emit; monotonic: () => number };

/** A tracer of the SDK that exports by OTLP. Not registered globally: no other code in this process is traced. */
export function createTracer(settings: TracerSettings): { tracer: Tracer; stop: () => Promise<void> } {
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

  async function stop(): Promise<void> {
    const flushed = provider.shutdown().catch(() => {});
    await Promise.race([flushed, sleep(maxFlushMs, undefined, { ref: false })]);
  }
  return { tracer: provider.getTracer(name, version), stop };
}

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` take precedence. */
function createResource() {
  const defaults = resourceFromAttributes({ 'service.name': name, 'service.version': version });
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return defaultResource().merge(defaults).merge(detectResources({ detectors }));
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

/** The library's exporter, which reports no failures, with an event when spans are lost. */
function createExporter({ url, config, emit, monotonic }: TracerSettings): SpanExporter {
  const { OTEL_EXPORTER_OTLP_HEADERS: all, OTEL_EXPORTER_OTLP_TRACES_HEADERS: traces } = config;
  const headers = { ...(all && parseHeaderList(all)), ...(traces && parseHeaderList(traces)) };
  const proxy = toProxy(config, url);
  const exporter = new OTLPTraceExporter({
    url,
    headers,
    ...(proxy && { httpAgentOptions: createAgentFactory(proxy) }),
  });
  let reportedAtMs = Number.NEGATIVE_INFINITY;

  function reportLoss(spans: number, error: Error | undefined): void {
    if (monotonic() - reportedAtMs < lossIntervalMs) return;
    reportedAtMs = monotonic();
    emit({ type: 'tracesLost', spans, reason: toReason(error) });
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0) reportLoss(spans.length, result.error);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** Adds the proxy to the agent that the library creates, with the certificates that its variables name. */
function createAgentFactory(proxy: string) {
  const { agentFactory } = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {});
  return async (protocol: string) => {
    // Not declared, but documented in Node: "new Agent([options])".
    const { options } = (await agentFactory(protocol)) as HttpAgent & { options: object };
    const withProxy = { ...options, proxyEnv: { http_proxy: proxy, https_proxy: proxy } };
    return protocol === 'https:' ? new HttpsAgent(withProxy) : new HttpAgent(withProxy);
  };
}

/** Without the collector's response body, which may contain anything. */
function toReason(error: (Error & { code?: string | number }) | undefined): string {
  return String(error?.code || error?.message || 'unknown');
}
