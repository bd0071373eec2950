import type { Config } from '../config/config.ts';
import { toProxy } from '../config/proxy.ts';
import { userAgent } from '../config/version.ts';
import type { Attributes } from '../telemetry/tracing.ts';
import {
  type AttemptContext,
  type AttemptOutcome,
  pathTemplate,
  type TotalParameters,
  type ZenskarClient,
} from './request.ts';

type ClientConfig = Pick<
  Config,
  'UPSTREAM_TRANSPORT' | 'ZENSKAR_URL' | 'ZENSKAR_API_VERSION' | 'HTTPS_PROXY' | 'HTTP_PROXY' | 'NO_PROXY'
>;

/** Imports only the configured HTTP client, and records its attempts as spans. */
export async function loadZenskarClient(config: ClientConfig): Promise<ZenskarClient> {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion } = config;
  const settings = { url, apiVersion, userAgent, proxy: toProxy(config, url) };
  const client =
    config.UPSTREAM_TRANSPORT === 'got'
      ? (await import('./gotClient.ts')).createGotClient(settings)
      : (await import('./undiciClient.ts')).createUndiciClient(settings);
  return createTracedClient(client, url);
}

/** Records each attempt as a span, with the names and attributes of OpenTelemetry's HTTP conventions. */
function createTracedClient(client: ZenskarClient, url: string): ZenskarClient {
  const { hostname, port, protocol } = new URL(url);
  const commonAttributes = {
    'http.request.method': 'GET',
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    'url.template': pathTemplate,
  };

  async function attemptTraced(
    parameters: TotalParameters,
    context: AttemptContext,
  ): Promise<AttemptOutcome> {
    const attributes = { ...commonAttributes, 'http.request.resend_count': context.resends || undefined };
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
