import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const folder = new URL('../', import.meta.url);
const names = z.array(z.string()).default([]);
const section = z.record(z.string(), z.unknown()).default({});

/** Only the fields in use, so that a misspelt field is a problem. */
const kustomization = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  labels: z.unknown().optional(),
  images: z.unknown().optional(),
  resources: names,
  components: names,
  configMapGenerator: z.array(z.looseObject({ envs: names })).default([]),
});

const compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().regex(/:[^:]+$/, 'an image with its version'),
      build: z.string().optional(),
      volumes: names,
      networks: names,
      secrets: names,
      depends_on: names,
      ports: z.array(z.string().startsWith('127.0.0.1:', 'a port on loopback')).default([]),
    }),
  ),
  networks: section,
  volumes: section,
  secrets: z.record(z.string(), z.strictObject({ file: z.string().startsWith('./secrets/') })),
});

/** The text of a file in deploy/. */
export function readText(path: string): string {
  return readFileSync(new URL(path, folder), 'utf8');
}

/** The content of a file with one YAML document; throws if a key occurs twice. */
export function readYaml(path: string): unknown {
  return parse(readText(path), { merge: true, prettyErrors: true });
}

/** The paths of all YAML files in a folder of deploy/. */
export function listYaml(under: string): string[] {
  const paths = readdirSync(new URL(under, folder), { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith('.yaml')).map((path) => `${under}${path}`);
}

/** Checks that each kustomization names existing files, and all files in its folder. */
export function checkKustomizations(): string[] {
  const paths = listYaml('kubernetes/').filter((path) => path.endsWith('/kustomization.yaml'));
  return paths.flatMap((path) => checkKustomization(path).map((problem) => `${path}: ${problem}`));
}

function checkKustomization(path: string): string[] {
  const { data, error } = kustomization.safeParse(readYaml(path));
  if (data === undefined) return [z.prettifyError(error)];
  const { resources, components, configMapGenerator } = data;
  const own = posix.dirname(path);
  const named = [...resources, ...components, ...configMapGenerator.flatMap(({ envs }) => envs)];
  const present = listYaml(`${own}/`).map((file) => posix.relative(own, file));
  return [
    ...named.filter((name) => !exists(own, name)).map((name) => `${name} does not exist`),
    ...present
      .filter((name) => name !== 'kustomization.yaml' && !resources.includes(name))
      .map((name) => `${name} exists but is not in resources`),
  ];
}

/** A folder exists for kustomize if it has a kustomization. */
function exists(own: string, name: string): boolean {
  const isFile = /\.(yaml|env)$/.test(name);
  return existsSync(new URL(posix.join(own, isFile ? name : `${name}/kustomization.yaml`), folder));
}

/** Checks that compose.yaml names only existing services, networks, volumes, secrets and files. */
export function checkCompose(): string[] {
  const { data, error } = compose.safeParse(readYaml('compose.yaml'));
  if (data === undefined) return [`compose.yaml: ${z.prettifyError(error)}`];
  const { services, networks, volumes, secrets } = data;
  return Object.entries(services).flatMap(([service, own]) => {
    const sources = own.volumes.map((volume) => volume.split(':')[0] ?? '');
    const [paths, volumeNames] = [sources.filter(isPath), sources.filter((source) => !isPath(source))];
    if (own.build !== undefined) paths.push(`${own.build}/Dockerfile`);
    const unknown = [
      ...own.networks.filter((name) => !(name in networks)),
      ...own.secrets.filter((name) => !(name in secrets)),
      ...own.depends_on.filter((name) => !(name in services)),
      ...volumeNames.filter((name) => !(name in volumes)),
      ...paths.filter((path) => !existsSync(new URL(path, folder))),
    ];
    return unknown.map((name) => `compose.yaml: ${service} refers to ${name}, which does not exist`);
  });
}

function isPath(source: string): boolean {
  return source.startsWith('./');
}
