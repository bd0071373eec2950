import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { bytesAt, decodeMessage, type Message, messagesAt, numberAt } from './protobuf.ts';

type Value = string | number | boolean | Value[];
type Values = Readonly<Record<string, Value>>;

export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  tracestate: string;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'other';
  startNs: bigint;
  endNs: bigint;
  attributes: Values;
  links: { traceId: string; spanId: string }[];
  failed: boolean;
  resource: Values;
};

export type Collector = {
  url: string;
  /** Spans since the start of the test. */
  spans: ReceivedSpan[];
  /** Bodies of all requests since the start of the test file. */
  bodies: Buffer[];
  /** The headers of the last request. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The status of responses; with 0 there is no response. */
  status: number;
};

/** A receiver of traces by OTLP over HTTP, for the tests of one file. */
export function useCollector(): Collector {
  const collector: Collector = { url: '', spans: [], bodies: [], headers: {}, status: 200 };
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    collector.headers = { url: request.url, ...request.headers };
    collector.bodies.push(body);
    collector.spans.push(...decodeSpans(body));
    if (collector.status !== 0) response.writeHead(collector.status).end();
  });

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    collector.spans.length = 0;
    collector.status = 200;
  });
  afterAll(() => {
    server.close().closeAllConnections();
  });
  return collector;
}

/** The field numbers come from opentelemetry/proto/trace/v1/trace.proto. */
function decodeSpans(body: Buffer): ReceivedSpan[] {
  return messagesAt(decodeMessage(body), 1).flatMap((resourceSpans) => {
    const [resource = new Map()] = messagesAt(resourceSpans, 1);
    const spans = messagesAt(resourceSpans, 2).flatMap((scopeSpans) => messagesAt(scopeSpans, 2));
    return spans.map((span) => ({ ...decodeSpan(span), resource: decodeValues(resource, 1) }));
  });
}

function decodeSpan(span: Message): Omit<ReceivedSpan, 'resource'> {
  const kinds = { 1: 'internal', 2: 'server', 3: 'client' } as const;
  const [status = new Map()] = messagesAt(span, 15);
  return {
    traceId: bytesAt(span, 1).toString('hex'),
    spanId: bytesAt(span, 2).toString('hex'),
    tracestate: bytesAt(span, 3).toString(),
    parentSpanId: bytesAt(span, 4).toString('hex'),
    name: bytesAt(span, 5).toString(),
    kind: kinds[Number(numberAt(span, 6)) as keyof typeof kinds] ?? 'other',
    startNs: numberAt(span, 7),
    endNs: numberAt(span, 8),
    attributes: decodeValues(span, 9),
    links: messagesAt(span, 13).map((link) => {
      return { traceId: bytesAt(link, 1).toString('hex'), spanId: bytesAt(link, 2).toString('hex') };
    }),
    failed: numberAt(status, 3) === 2n,
  };
}

function decodeValues(message: Message, field: number): Values {
  const pairs = messagesAt(message, field).map((pair) => {
    const [value = new Map()] = messagesAt(pair, 2);
    return [bytesAt(pair, 1).toString(), decodeValue(value)] as const;
  });
  return Object.fromEntries(pairs);
}

function decodeValue(value: Message): Value {
  if (value.has(1)) return bytesAt(value, 1).toString();
  if (value.has(2)) return numberAt(value, 2) === 1n;
  if (value.has(3)) return Number(numberAt(value, 3));
  const [array] = messagesAt(value, 5);
  if (array !== undefined) return messagesAt(array, 1).map(decodeValue);
  throw new Error('The type of this value is not supported.');
}
