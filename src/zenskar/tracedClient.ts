import type { Attributes } from '../telemetry/tracing.ts';
import {
  type AttemptContext,
  type AttemptOutcome,
  pathTemplate,
  type TotalParameters,
  type ZenskarClient,
} from './request.ts';

/** Tells of each attempt as a span of its own, named and described as OpenTelemetry's conventions for HTTP have it. */
export function createTracedClient(client: ZenskarClient, url: string): ZenskarClient {
  const { hostname, port, protocol } = new URL(url);
  const always = {
    'http.request.method': 'GET',
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    'url.template': pathTemplate,
  };

  async function attemptTraced(
    parameters: TotalParameters,
    context: AttemptContext,
  ): Promise<AttemptOutcome> {
    const attributes = { ...always, 'http.request.resend_count': context.resends || undefined };
    const span = context.span.start(`GET ${pathTemplate}`, { kind: 'client', attributes });
    const outcome = await client.attempt(parameters, { ...context, span });
    span.end(describe(outcome));
    return outcome;
  }

  return {
    attempt(parameters, context) {
      return context.span.isRecording
        ? attemptTraced(parameters, context)
        : client.attempt(parameters, context);
    },
    close: client.close,
  };
}

function describe(outcome: AttemptOutcome): Attributes {
  if (outcome.kind === 'connection') return { 'error.type': outcome.reason };
  if (outcome.kind !== 'answered') return { 'error.type': outcome.kind };
  const { status } = outcome;
  return {
    'http.response.status_code': status,
    'error.type': status >= 400 ? String(status) : undefined,
  };
}
