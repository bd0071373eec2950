import { z } from 'zod';

const text = z.string();
const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'a whole number from 1 to 999999999')
  .transform(Number);
const protocol = z.enum(['http/protobuf'], 'http/protobuf').default('http/protobuf');
const headers = text.refine(isHeaderList, 'name=value, separated by commas');

/** Those of the OpenTelemetry specification that the gateway must know of; others are read by OpenTelemetry itself. */
export const otelVariables = {
  OTEL_SDK_DISABLED: z
    .enum(['true', 'false'], 'true or false')
    .transform((value) => value === 'true')
    .default(false)
    .describe('turns traces off, whatever else is set'),
  OTEL_TRACES_EXPORTER: z
    .enum(['otlp', 'none'], 'otlp or none')
    .default('otlp')
    .describe('who takes the traces; `none` turns them off'),
  OTEL_EXPORTER_OTLP_ENDPOINT: text
    .refine(isEndpoint, 'an http or https URL without credentials')
    .optional()
    .describe('base URL of the collector that traces are sent to; turns them on'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text
    .refine(isEndpoint, 'an http or https URL without credentials')
    .optional()
    .describe('the same for traces alone, as a whole URL'),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol.describe('how the collector is spoken to; there is no other way'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol.describe('the same, for traces alone'),
  OTEL_EXPORTER_OTLP_HEADERS: headers
    .optional()
    .describe('headers for the collector, `name=value` with commas between, such as a key'),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers.optional().describe('the same, for traces alone'),
  OTEL_TRACES_SAMPLER: z
    .enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      'always_on, always_off or traceidratio, or one of them behind parentbased_',
    )
    .default('parentbased_always_on')
    .describe(
      'which traces are recorded; `parentbased_` leaves it to the caller, where that has a trace already',
    ),
  OTEL_TRACES_SAMPLER_ARG: text
    .refine((value) => /^(0|1|[01]?\.\d+)$/.test(value) && Number(value) <= 1, 'a number from 0 to 1')
    .transform(Number)
    .default(1)
    .describe('the share of traces that `traceidratio` records'),
  OTEL_BSP_SCHEDULE_DELAY: count.default(5000).describe('milliseconds until what was recorded is sent'),
  OTEL_BSP_EXPORT_TIMEOUT: count.default(30_000).describe('milliseconds that sending may take'),
  OTEL_BSP_MAX_QUEUE_SIZE: count.default(2048).describe('spans that wait to be sent; those beyond are lost'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count.default(512).describe('spans that are sent together'),
};

function isEndpoint(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
}

/** Values are percent-encoded (OpenTelemetry specification, "OTLP exporter", headers). */
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
