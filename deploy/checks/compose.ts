import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readYaml } from './files.ts';

const folder = new URL('../', import.meta.url);
const names = z.array(z.string()).default([]);
const service = z.object({
  image: z.string().regex(/:[^:]+$/, 'an image with its version'),
  build: z.string().optional(),
  volumes: names,
  networks: names,
  secrets: names,
  depends_on: names,
  ports: z.array(z.string().startsWith('127.0.0.1:', 'a port on loopback')).default([]),
});
const compose = z.strictObject({
  name: z.string(),
  'x-gateway': z.unknown(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string().startsWith('./secrets/') })),
});

/** Whether compose.yaml names only what is there: services, networks, volumes, secrets and files. */
export function checkCompose(): string[] {
  const result = compose.safeParse(readYaml('compose.yaml'));
  if (!result.success) return [`compose.yaml: ${z.prettifyError(result.error)}`];
  const { services, networks, volumes, secrets } = result.data;
  return Object.entries(services).flatMap(([name, own]) => {
    const sources = own.volumes.map((volume) => volume.split(':')[0] ?? '');
    const files = [...sources.filter(isPath), ...(own.build ? [`${own.build}/Dockerfile`] : [])];
    const unknown = [
      ...own.networks.filter((network) => !(network in networks)),
      ...own.secrets.filter((secret) => !(secret in secrets)),
      ...own.depends_on.filter((other) => !(other in services)),
      ...sources.filter((source) => !isPath(source) && !(source in volumes)),
      ...files.filter((file) => !existsSync(new URL(file, folder))),
    ];
    return unknown.map((what) => `compose.yaml: ${name} names ${what}, which is not there`);
  });
}

function isPath(source: string): boolean {
  return source.startsWith('./');
}
