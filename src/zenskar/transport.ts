import type { Config } from '../config/config.ts';
import { userAgent } from '../config/version.ts';
import type { ZenskarClient } from './request.ts';
import { createTracedClient } from './tracedClient.ts';

type Choice = Pick<Config, 'UPSTREAM_TRANSPORT' | 'ZENSKAR_URL' | 'ZENSKAR_API_VERSION'>;

/** Loads the HTTP client that the configuration chose, and not the other. */
export async function loadZenskarClient(config: Choice): Promise<ZenskarClient> {
  const { ZENSKAR_URL: url, ZENSKAR_API_VERSION: apiVersion } = config;
  const settings = { url, apiVersion, userAgent };
  const client =
    config.UPSTREAM_TRANSPORT === 'got'
      ? (await import('./gotClient.ts')).createGotClient(settings)
      : (await import('./undiciClient.ts')).createUndiciClient(settings);
  return createTracedClient(client, url);
}
