import type { IncomingHttpHeaders } from 'node:http';
import type { OperationEnded } from './events.ts';

/** Never an id, a credential, or words of a caller: traces are read by more people than the data is. */
export type Attributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

type SpanOptions = { kind?: 'client'; attributes?: Attributes };

/** A piece of work as traces tell of it. */
export type Span = {
  traceId: string | undefined;
  /** By which the next in line continues the trace; none where there is no trace. */
  headers: TraceHeaders;
  /** Where it is not, all that is said of it is lost. */
  isRecording: boolean;
  /** A part of this work. */
  start: (name: string, options?: SpanOptions) => Span;
  /** This work waits for what that other one began. */
  link: (other: Span) => void;
  describe: (attributes: Attributes, name?: string) => void;
  /** `error.type` among the attributes makes it a failure. */
  end: (attributes?: Attributes) => void;
};

export type Tracing = {
  /** Continues the trace of whoever asks, where there is one. */
  startOperation: (headers: IncomingHttpHeaders) => Span;
  /** Sends what was recorded, as far as that can be done in a moment. */
  stop: () => Promise<void>;
};

/** In the form of https://www.w3.org/TR/trace-context/. */
export type TraceHeaders = { readonly traceparent?: string; readonly tracestate?: string };

export type TraceContext = {
  traceId: string;
  spanId: string;
  /** One byte, of which the lowest bit says whether the caller records the trace. */
  flags: number;
  tracestate: string | undefined;
};

/** Records nothing, but hands a trace on. */
export function createPassingSpan({ traceId, headers }: Pick<Span, 'traceId' | 'headers'>): Span {
  const nothing = () => {};
  const span: Span = {
    traceId,
    headers,
    isRecording: false,
    start: () => span,
    link: nothing,
    describe: nothing,
    end: nothing,
  };
  return span;
}

export const noSpan: Span = createPassingSpan({ traceId: undefined, headers: {} });

/** Says of an operation what the log says, under the names that OpenTelemetry has for it. */
export function describeOperation(
  span: Span,
  { outcome, codes, responseCache }: Pick<OperationEnded, 'outcome' | 'codes'> & Partial<OperationEnded>,
  { type, name }: { type?: string | undefined; name?: string | undefined },
): void {
  if (!span.isRecording) return;
  const attributes = {
    'graphql.operation.type': type,
    'graphql.operation.name': name,
    'gateway.outcome': outcome,
    'gateway.error_codes': codes.length > 0 ? codes : undefined,
    'gateway.response_cache': responseCache,
    // What the caller did wrong is no failure of the gateway.
    'error.type': codes.find((code) => /^(UPSTREAM|INTERNAL)_/.test(code)),
  };
  span.describe(attributes, type);
}

/** Where no traces are wanted, that of the caller still goes upstream as it came. */
export const passingTracing: Tracing = {
  startOperation(headers) {
    const context = parseTraceContext(headers);
    if (context === undefined) return noSpan;
    return createPassingSpan({ traceId: context.traceId, headers: toTraceHeaders(context) });
  },
  stop: async () => {},
};

const traceparentForm =
  /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-[\x20-\x7e]*)?$/;

/** Undefined where there is no trace, or an invalid one, which is as good as none (section 4.3 of the recommendation). */
export function parseTraceContext({
  traceparent,
  tracestate,
}: IncomingHttpHeaders): TraceContext | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = traceparentForm.exec(traceparent) ?? [];
  // Later versions may say more; this one may not.
  if (version === undefined || (version === '00' && rest !== undefined)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16), tracestate: parseTracestate(tracestate) };
}

/** What later versions said more is left out: whoever says it must know what it means. */
export function toTraceHeaders({ traceId, spanId, flags, tracestate }: TraceContext): TraceHeaders {
  const traceparent = `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

const maxTracestateLength = 512;
const maxMembers = 32;
const member =
  /^[a-z\d][a-z\d_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** All of it, or nothing where anything in it is invalid (section 3.3). Node joins several such headers by commas. */
function parseTracestate(text: string | string[] | undefined): string | undefined {
  if (typeof text !== 'string' || text.length > maxTracestateLength) return undefined;
  const members = text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
  const isValid =
    members.length > 0 && members.length <= maxMembers && members.every((one) => member.test(one));
  return isValid ? members.join(',') : undefined;
}
