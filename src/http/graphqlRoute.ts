import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import type { Identity } from '../auth/authenticate.ts';
import { challenges, identifyingHeaders } from '../auth/authenticate.ts';
import { AppError } from '../errors.ts';
import { createResponseCache, type Produced, type ResponseCache } from '../responseCache.ts';
import type { Emit } from '../telemetry/events.ts';
import { describeOperation, type Span, type Tracing } from '../telemetry/tracing.ts';
import { parseJsonBody, readBody } from './body.ts';
import { type CallerDependencies, type Callers, createCallers } from './callers.ts';
import { HttpError } from './httpError.ts';
import type { Asked, Exchange, HttpAnswer, Route } from './route.ts';

/** A GraphQL request as it came over HTTP; whoever executes it need not know sockets. */
type GraphQLRequest = Omit<Exchange, 'createSignal'> & {
  span: Span;
  signal: AbortSignal;
  method: string;
  headers: IncomingHttpHeaders;
  body: unknown;
  /** Undefined for who asks for the explorer's page. */
  identity: Identity | undefined;
  charge: ((units: number) => Promise<void>) | undefined;
};

type TracedAnswer = (request: IncomingMessage, exchange: Exchange, span: Span) => Promise<HttpAnswer>;

type GraphQLRouteDependencies = CallerDependencies & {
  execute: (request: GraphQLRequest) => Promise<Produced>;
  tracing: Tracing;
  /** The explorer's page, where it is not Apollo Server that has it. */
  page: string | undefined;
  emit: Emit;
  now: () => number;
};

/** GraphQL over HTTP, up to the point where it is GraphQL alone. Nobody's body is read before they said who they are. */
export function createGraphQLRoute(dependencies: GraphQLRouteDependencies): Route {
  const { config, page, execute, tracing, now } = dependencies;
  const callers = createCallers(dependencies);
  const responses = createResponseCache(dependencies);
  // A cache on the way must not give one caller's answer to another (RFC 9111, section 4.1).
  const vary: [string, string] = ['vary', ['accept', ...identifyingHeaders[config.AUTH_MODE]].join(', ')];

  /** How long an answer is good for is said again each time it is given. */
  async function produce(request: GraphQLRequest): Promise<Produced> {
    const { headers, ...produced } = await execute(request);
    const others = Array.from(headers).filter(([name]) => name !== 'cache-control');
    return { ...produced, headers: [...others, vary] };
  }

  async function answer(request: IncomingMessage, exchange: Exchange, span: Span): Promise<HttpAnswer> {
    const { method = '', headers } = request;
    const { requestId, search, createSignal } = exchange;
    const identity = await callers.identify(request);
    const charge = callers.chargeOf(request, identity);
    await charge?.(1);
    if (page !== undefined && identity === undefined) return toPageAnswer(page);
    const toAsked = (body: unknown): GraphQLRequest => {
      return { method, headers, search, body, identity, charge, requestId, span, signal: createSignal() };
    };
    if (method !== 'POST' || identity === undefined)
      return responses.toAnswer(await produce(toAsked(undefined)));
    const bytes = await readBody(request, config.HTTP_MAX_BODY_BYTES);
    const posted = { text: bytes.toString('latin1'), crc: crc32(bytes) };
    const question = { asker: toAsker(identity, request, search), posted };
    const kept = responses.find(question);
    if (kept !== undefined) {
      const startedMs = now();
      if (kept.reuse.units > 1) await charge?.(kept.reuse.units - 1);
      const given = responses.give(kept, { requestId, span, startedMs });
      return callers.chargeAtOnce === undefined ? given : { ...given, posted: kept.posted };
    }
    const produced = await produce(toAsked(parseJsonBody(bytes, posted.text)));
    responses.keep(question, produced);
    return responses.toAnswer(produced);
  }

  const challenge = challenges[config.AUTH_MODE];
  const recall = createRecall({ callers, responses, tracing });
  return { methods: ['GET', 'POST'], challenge, answer: toTraced(answer, tracing), recall };
}

type RecallDependencies = { callers: Callers; responses: ResponseCache; tracing: Tracing };

/** Gives what is kept to whoever is known at once, and has enough left. */
function createRecall({ callers, responses, tracing }: RecallDependencies): NonNullable<Route['recall']> {
  return (asked, { requestId, search, posted }) => {
    const identity = callers.identifyAtOnce(asked);
    if (identity === undefined) return undefined;
    const kept = responses.find({ asker: toAsker(identity, asked, search), posted });
    if (kept === undefined || !callers.chargeAtOnce?.(asked, identity, kept.reuse.units)) return undefined;
    const span = tracing.startOperation(asked.headers);
    const recalled = responses.give(kept, { requestId, span });
    span.end();
    return recalled;
  };
}

/** Every question is an operation to traces, also one that is refused. */
function toTraced(answer: TracedAnswer, { startOperation }: Tracing): Route['answer'] {
  return (request, exchange) => {
    const span = startOperation(request.headers);
    const answered = answer(request, exchange, span);
    return span.isRecording ? endWith(answered, span) : answered;
  };
}

async function endWith(answered: Promise<HttpAnswer>, span: Span): Promise<HttpAnswer> {
  try {
    return await answered;
  } catch (error) {
    describeRefusal(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** All that an answer follows from, but what was posted. A question by GET must pass Apollo's CSRF check first. */
function toAsker({ tenant, accessKey }: Identity, { headers }: Asked, search: string): string {
  return `${tenant.scope}\n${accessKey}\n${headers.accept}\n${search}`;
}

/** Of a request that did not come as far as an operation, by the codes that its answer will have. */
function describeRefusal(span: Span, error: unknown): void {
  const code = error instanceof HttpError ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR';
  const codes = [error instanceof AppError ? error.code : code];
  describeOperation(span, { outcome: 'failed', codes }, {});
}

function toPageAnswer(page: string): HttpAnswer {
  return { status: 200, headers: [['content-type', 'text/html']], body: page };
}
