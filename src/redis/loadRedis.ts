import type { Config } from '../config/config.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Redis } from './connection.ts';

type LoadSettings = { config: Config; emit: Emit; now: () => number };

/** The client takes a fifth of the start and 30 MiB (measured); whoever has no Redis need not pay for it. */
export async function loadRedis({ config, emit, now }: LoadSettings): Promise<Redis | undefined> {
  if (config.REDIS_URL === undefined) return undefined;
  const { createRedis } = await import('./connection.ts');
  return createRedis({ url: config.REDIS_URL, emit, now });
}
