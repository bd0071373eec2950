import type { Config } from '../config.ts';
import type { ZenskarClient, ZenskarClientSettings } from './attempt.ts';

/** Loads the HTTP client that the configuration chose, and not the other. */
export async function loadZenskarClient(
  transport: Config['UPSTREAM_TRANSPORT'],
  settings: ZenskarClientSettings,
): Promise<ZenskarClient> {
  if (transport === 'got') return (await import('./client.ts')).createGotClient(settings);
  return (await import('./undiciClient.ts')).createUndiciClient(settings);
}
