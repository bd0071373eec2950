import { readFileSync } from 'node:fs';

const file = new URL('../../package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string };

export const { name, version } = manifest;

/** Sent to Zenskar as `user-agent`. */
export const userAgent = `${name}/${version}`;
