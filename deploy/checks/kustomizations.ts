import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { z } from 'zod';
import { listYaml, readYaml } from './files.ts';

const folder = new URL('../', import.meta.url);
const paths = z.array(z.string()).default([]);
const names = z.record(z.string(), z.string());
const common = {
  kind: z.string(),
  apiVersion: z.string(),
  namespace: z.string().optional(),
  resources: paths,
};

/** The fields in use here; another that kustomize knows wants adding, one that it does not know is a mistake. */
const kustomization = z.strictObject({
  ...common,
  components: paths,
  labels: z.array(z.strictObject({ pairs: names })).optional(),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).optional(),
  configMapGenerator: z
    .array(
      z.strictObject({
        name: z.string(),
        behavior: z.enum(['create', 'merge', 'replace']).optional(),
        envs: paths,
        literals: z.array(z.string().regex(/^[A-Z_]+=/)).optional(),
      }),
    )
    .default([]),
});

/** Every kustomization under kubernetes/: what it names is there, and what lies beside it is named. */
export function checkKustomizations(): string[] {
  const files = listYaml('kubernetes/').filter((path) => path.endsWith('/kustomization.yaml'));
  return files.flatMap((path) => checkKustomization(path).map((problem) => `${path}: ${problem}`));
}

function checkKustomization(path: string): string[] {
  const result = kustomization.safeParse(readYaml(path));
  if (!result.success) return [z.prettifyError(result.error)];
  const { resources, components, configMapGenerator } = result.data;
  const own = posix.dirname(path);
  const named = [...resources, ...components, ...configMapGenerator.flatMap(({ envs }) => envs)];
  const missing = named.filter((name) => !isThere(posix.join(own, name)));
  const beside = listYaml(`${own}/`).map((file) => posix.relative(own, file));
  const forgotten = beside.filter((name) => name !== 'kustomization.yaml' && !resources.includes(name));
  return [
    ...missing.map((name) => `${name} is named, but not there`),
    ...forgotten.map((name) => `${name} is there, but not named`),
  ];
}

/** A folder counts where kustomize would find something in it. */
function isThere(path: string): boolean {
  const isFile = /\.(yaml|env)$/.test(path);
  return existsSync(new URL(isFile ? path : `${path}/kustomization.yaml`, folder));
}
