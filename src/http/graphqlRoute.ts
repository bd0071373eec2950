import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { challenges, identifyingHeaders } from '../auth/identify.ts';
import type { Identify, Identity } from '../auth/identity.ts';
import type { Charge } from '../auth/rateLimit.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { describeOperation, type Span, type Tracing } from '../telemetry/trace.ts';
import { parseJsonBody, readBody } from './body.ts';
import { createClientAddress } from './clientAddress.ts';
import { HttpError } from './httpError.ts';
import { createResponseCache, type Produced } from './responseCache.ts';
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

type Posted = { search: string /** As latin1: bytes become a text one to one. */; posted: string };
type Recalled = Posted & { requestId: string };

type TracedAnswer = (request: IncomingMessage, exchange: Exchange, span: Span) => Promise<HttpAnswer>;

type GraphQLRouteDependencies = {
  execute: (request: GraphQLRequest) => Promise<Produced>;
  identify: Identify;
  /** Undefined where there is no limit. */
  charge: Charge | undefined;
  tracing: Tracing;
  config: Config;
  /** The explorer's page, where it is not Apollo Server that has it. */
  page: string | undefined;
  emit: Emit;
  now: () => number;
};

/** GraphQL over HTTP, up to the point where it is GraphQL alone. Nobody's body is read before they said who they are. */
export function createGraphQLRoute(dependencies: GraphQLRouteDependencies): Route {
  const { config, page, execute, charge: limit } = dependencies;
  const addressOf = createClientAddress(config.TRUSTED_PROXIES);
  const responses = createResponseCache(dependencies);
  // A cache on the way must not give one caller's answer to another (RFC 9111, section 4.1).
  const vary: [string, string] = ['vary', ['accept', ...identifyingHeaders[config.AUTH_MODE]].join(', ')];

  /** Undefined where the explorer's page is asked for: it holds nothing, and no browser can say who it fetches it for. */
  function identify(request: IncomingMessage) {
    if (config.GRAPHQL_EXPLORER !== 'off' && wantsPage(request)) return undefined;
    return dependencies.identify(request.headers);
  }

  /** Whoever is not known is charged as well, by its address, or guessing would be free. */
  async function identifyOrCharge(request: IncomingMessage): Promise<Identity | undefined> {
    try {
      return await identify(request);
    } catch (error) {
      await limit?.(toCaller(request, undefined), 1);
      throw error;
    }
  }

  function toCaller(request: IncomingMessage, identity: Identity | undefined): string {
    return `${identity?.tenant.scope ?? ''}/${identity?.name ?? addressOf(request)}`;
  }

  async function answer(request: IncomingMessage, exchange: Exchange, span: Span): Promise<HttpAnswer> {
    const { method = '' } = request;
    const { requestId, search, createSignal } = exchange;
    const identity = await identifyOrCharge(request);
    const charge = limit && ((units: number) => limit(toCaller(request, identity), units));
    await charge?.(1);
    if (page !== undefined && identity === undefined) return toPageAnswer(page);
    const run = async (body: unknown) => {
      const asked = { method, headers: request.headers, search, body };
      const { headers, ...produced } = await execute({
        ...asked,
        identity,
        charge,
        requestId,
        span,
        signal: createSignal(),
      });
      // How long it is good for is said again each time it is given.
      const others = Array.from(headers).filter(([name]) => name !== 'cache-control');
      return { ...produced, headers: [...others, vary] };
    };
    if (method !== 'POST' || identity === undefined) return responses.toAnswer(await run(undefined));
    const bytes = await readBody(request, config.HTTP_MAX_BODY_BYTES);
    const posted = bytes.toString('latin1');
    const key = toKey(identity, request, { search, posted });
    const kept = responses.find(key);
    if (kept !== undefined) {
      if (kept.reuse.units > 1) await charge?.(kept.reuse.units - 1);
      return { ...responses.give(kept, { requestId, span }), posted };
    }
    const produced = await run(parseJsonBody(bytes, posted));
    responses.keep(key, bytes, produced);
    return responses.toAnswer(produced);
  }

  /** Whoever is limited, or not known at once, takes the usual way. */
  function recall(asked: Asked, { requestId, search, posted }: Recalled): HttpAnswer | undefined {
    const identity = limit === undefined ? identifyAtOnce(asked) : undefined;
    const kept = identity && responses.find(toKey(identity, asked, { search, posted }));
    if (kept === undefined) return undefined;
    const span = dependencies.tracing.startOperation(asked.headers);
    const answer = responses.give(kept, { requestId, span });
    span.end();
    return answer;
  }

  function identifyAtOnce({ headers }: Asked): Identity | undefined {
    try {
      const identity = dependencies.identify(headers);
      return identity instanceof Promise ? undefined : identity;
    } catch {
      return undefined;
    }
  }

  return {
    methods: ['GET', 'POST'],
    challenge: challenges[config.AUTH_MODE],
    answer: toTraced(answer, dependencies.tracing),
    recall,
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

/** All that an answer follows from. A question by GET must pass Apollo's CSRF check first. */
function toKey({ tenant, view }: Identity, { headers }: Asked, { search, posted }: Posted): string {
  return `${tenant.scope}\n${view}\n${headers.accept}\n${search}\n${posted}`;
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

function wantsPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}
