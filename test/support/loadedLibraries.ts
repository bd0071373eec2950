import { createRequire } from 'node:module';
import { createApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/config.ts';

// Starts a gateway with the environment of this process, and prints how many modules of the Redis client it has loaded.

// biome-ignore lint/style/noProcessEnv: of a program that only tests run
const parsed = parseConfig(process.env, () => '');
if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
const app = await createApp(parsed.config, { logDestination: { write: () => true } });
await app.start();
const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('/@redis/'));
process.stdout.write(`loaded ${loaded.length}\n`);
await app.stop();
