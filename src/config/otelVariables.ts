import { z } from 'zod';

const text = z.string();
const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'a whole number from 1 to 999999999')
  .transform(Number);
/** In any case, as the OpenTelemetry specification asks. */
const choice = <const Values extends readonly [string, ...string[]]>(values: Values, expected: string) =>
  text.toLowerCase().pipe(z.enum(values, expected));
const protocol = choice(['http/protobuf'], 'http/protobuf').default('http/protobuf');
const headers = text.refine(isHeaderList, 'name=value, separated by commas');

/** OpenTelemetry variables that the gateway reads. The OpenTelemetry libraries read further ones themselves. */
export const otelVariables = {
  OTEL_SDK_DISABLED: choice(['true', 'false'], 'true or false')
    .transform((value) => value === 'true')
    .default(false)
    .describe('Disables traces, regardless of the other variables.'),
  OTEL_PROPAGATORS: text
    .toLowerCase()
    .refine(isPropagated, 'tracecontext')
    .default('tracecontext')
    .describe('Formats of trace context, separated by commas. `baggage` is not sent; no other is supported.'),
  OTEL_TRACES_EXPORTER: choice(['otlp', 'none'], 'otlp or none')
    .default('otlp')
    .describe('Exporter of traces. `none` disables traces.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: text
    .refine(isBaseEndpoint, 'an http or https URL without credentials, query or fragment')
    .optional()
    .describe('Base URL of the collector. Enables traces.'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text
    .refine(isEndpoint, 'an http or https URL without credentials or fragment')
    .optional()
    .describe('Complete URL of the collector for traces. Takes precedence over the base URL.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol.describe('Protocol of the collector. No other value is supported.'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol.describe('Protocol for traces. No other value is supported.'),
  OTEL_EXPORTER_OTLP_HEADERS: headers
    .optional()
    .describe('Headers for the collector, such as a key: `name=value`, separated by commas.'),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers.optional().describe('Headers for traces, in the same form.'),
  OTEL_TRACES_SAMPLER: choice(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    'always_on, always_off or traceidratio, or one of them with the prefix parentbased_',
  )
    .default('parentbased_always_on')
    .describe(
      'Which traces are recorded. `parentbased_` samplers follow the decision in the `traceparent` of the request.',
    ),
  OTEL_TRACES_SAMPLER_ARG: text
    .refine((value) => /^(0|1|[01]?\.\d+)$/.test(value) && Number(value) <= 1, 'a number from 0 to 1')
    .transform(Number)
    .default(1)
    .describe('Share of traces that `traceidratio` records, from 0 to 1.'),
  OTEL_BSP_SCHEDULE_DELAY: count.default(5000).describe('Milliseconds between two exports of spans.'),
  OTEL_BSP_EXPORT_TIMEOUT: count.default(30_000).describe('Timeout of one export, in milliseconds.'),
  OTEL_BSP_MAX_QUEUE_SIZE: count
    .default(2048)
    .describe('Maximum number of spans that wait for export. Further spans are dropped.'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count.default(512).describe('Maximum number of spans in one export.'),
};

/** The default of OpenTelemetry is `tracecontext,baggage`. */
function isPropagated(value: string): boolean {
  return /^(\s*(tracecontext|baggage)\s*(,|$))+$/.test(value) && value.includes('tracecontext');
}

/** The path of the signal is appended to it. */
function isBaseEndpoint(value: string): boolean {
  return isEndpoint(value) && !value.includes('?');
}

function isEndpoint(value: string): boolean {
  const url = URL.parse(value);
  const isHttp = url !== null && /^https?:$/.test(url.protocol);
  return isHttp && !url.username && !url.password && !value.includes('#');
}

/** Parses a header list. Values are percent-encoded (OpenTelemetry specification, "OTLP exporter", headers). */
export function parseHeaderList(value: string): Record<string, string> {
  const pairs = value.split(',').map((pair) => /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? []);
  return Object.fromEntries(pairs.map(([, name = '', text = '']) => [name, decodeURIComponent(text)]));
}

function isHeaderList(value: string): boolean {
  try {
    const entries = Object.entries(parseHeaderList(value));
    return entries.every(([name, text]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\x20-\x7e]*$/.test(text));
  } catch {
    return false;
  }
}
