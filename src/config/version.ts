import { readFileSync } from 'node:fs';

const file = new URL('../../package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string };

/** As package.json has it. */
export const { name, version } = manifest;

/** The gateway's name and version, as package.json has them. */
export const userAgent = `${name}/${version}`;
