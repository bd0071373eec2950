import type { Config } from '../config/config.ts';
import type { Emit } from './events.ts';
import { passingTracing, type Tracing } from './tracing.ts';

type LoadSettings = { config: Config; emit: Emit; now: () => number };

/** Where traces go; undefined where none are wanted. */
function toTracesUrl(config: Config): string | undefined {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base } = config;
  return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
}

/** OpenTelemetry takes 9 MiB (measured); whoever wants no traces need not pay for it. */
export async function loadTracing({ config, emit, now }: LoadSettings): Promise<Tracing> {
  const url = toTracesUrl(config);
  if (url === undefined) return passingTracing;
  const { createOpenTelemetry } = await import('./openTelemetry.ts');
  return createOpenTelemetry({ url, config, emit, now });
}
