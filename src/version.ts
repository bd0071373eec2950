import { readFileSync } from 'node:fs';

type Package = { name: string; version: string };

/** The gateway's name and version, as package.json has them. */
export const { name, version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as Package;
