import { z } from 'zod';
import { readYaml } from './files.ts';

const labels = z.record(z.string(), z.string());
const probe = (path: string) => z.object({ httpGet: z.object({ path: z.literal(path), port: z.string() }) });

/** What a rolling update without failed requests requires, and the restrictions of the container. */
const container = z.object({
  ports: z.array(z.object({ name: z.string() })),
  startupProbe: probe('/livez'),
  livenessProbe: probe('/livez'),
  readinessProbe: probe('/readyz'),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
});
const deployment = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: z.object({ matchLabels: labels }),
    template: z.object({
      metadata: z.object({ labels }),
      spec: z.object({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.literal(false),
        enableServiceLinks: z.literal(false),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.number().min(1),
          seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
        }),
        topologySpreadConstraints: z.array(z.object({ labelSelector: z.object({ matchLabels: labels }) })),
        containers: z.tuple([container]),
      }),
    }),
  }),
});

export type Labels = z.output<typeof labels>;
/** What other resources refer to. */
export type Pod = { deployment: string; account: string; labels: Labels; ports: readonly string[] };

const deploymentPath = 'kubernetes/base/deployment.yaml';

/** Checks the pod template of a Deployment. */
export function checkPod(resource: unknown = readYaml(deploymentPath)): string[] {
  const { data, error } = deployment.safeParse(resource);
  if (data === undefined)
    return error.issues.map(({ path, message }) => `${deploymentPath}: ${path.join('.')}: ${message}`);
  const { selector, template } = data.spec;
  const { labels, ports } = toPod(resource);
  const spread = template.spec.topologySpreadConstraints.map(({ labelSelector }) => labelSelector);
  const [{ startupProbe, livenessProbe, readinessProbe }] = template.spec.containers;
  const probed = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.port);
  return [
    ...[selector, ...spread].filter(({ matchLabels }) => !selects(matchLabels, labels)).map(describeSelector),
    ...probed.filter((port) => !ports.includes(port)).map((port) => `a probe uses the unknown port ${port}`),
  ].map((problem) => `${deploymentPath}: ${problem}`);
}

/** Reads a Deployment that passed `checkPod`. */
export function toPod(resource: unknown = readYaml(deploymentPath)): Pod {
  const { metadata, spec } = deployment.parse(resource);
  const { serviceAccountName: account, containers } = spec.template.spec;
  const ports = containers[0].ports.map(({ name }) => name);
  return { deployment: metadata.name, account, labels: spec.template.metadata.labels, ports };
}

/** Whether a selector, which must not be empty, matches these labels. */
export function selects(selector: Labels = {}, labels: Labels = {}): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

function describeSelector({ matchLabels }: { matchLabels: Labels }): string {
  return `the selector ${JSON.stringify(matchLabels)} does not match its own pods`;
}
