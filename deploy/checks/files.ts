import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

const folder = new URL('../', import.meta.url);

/** A file of deploy/, by its path there. */
export function readText(path: string): string {
  return readFileSync(new URL(path, folder), 'utf8');
}

/** What a file of one YAML document says; throws where it says a key twice. */
export function readYaml(path: string): unknown {
  return parse(readText(path), { merge: true, prettyErrors: true });
}

/** The paths of all YAML files under a folder of deploy/. */
export function listYaml(under: string): string[] {
  const names = readdirSync(new URL(under, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.yaml')).map((name) => `${under}${name}`);
}
