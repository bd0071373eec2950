import { z } from 'zod';
import { listYaml, readYaml } from './files.ts';
import { type Labels, type Pod, selects, toPod } from './pod.ts';

const matching = z.object({ matchLabels: z.record(z.string(), z.string()) });
const metadata = z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) });
const ports = z.array(z.object({ port: z.union([z.string(), z.number()]) }));

const referring = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Deployment') }),
  z.object({ kind: z.literal('ServiceAccount'), metadata }),
  z.object({
    kind: z.literal('Service'),
    metadata,
    spec: z.object({
      selector: z.record(z.string(), z.string()),
      ports: z.array(z.object({ name: z.string(), targetPort: z.string() })),
    }),
  }),
  z.object({ kind: z.literal('PodDisruptionBudget'), spec: z.object({ selector: matching }) }),
  z.object({
    kind: z.literal('HorizontalPodAutoscaler'),
    spec: z.object({ scaleTargetRef: z.object({ kind: z.literal('Deployment'), name: z.string() }) }),
  }),
  z.object({
    kind: z.literal('NetworkPolicy'),
    spec: z.object({ podSelector: matching, ingress: z.array(z.object({ ports })) }),
  }),
  z.object({
    kind: z.literal('ServiceMonitor'),
    spec: z.object({ selector: matching, endpoints: z.array(z.object({ port: z.string() })) }),
  }),
]);
type Referring = z.output<typeof referring>;
type Service = Extract<Referring, { kind: 'Service' }>;
type Around = { pod: Pod; services: readonly Service[] };

/** What refers to the gateway's pods by their labels, ports and names under kubernetes/, and does not find them. */
export function checkReferences(): string[] {
  const files = listYaml('kubernetes/').filter((path) => !path.endsWith('kustomization.yaml'));
  const resources = files.map((path) => ({ path, resource: readYaml(path) }));
  const pod = toPod();
  return resources.flatMap(({ path, resource }) => {
    const others = resources.map((one) => one.resource);
    return checkReference(resource, pod, others).map((problem) => `${path}: ${problem}`);
  });
}

/** The same of one resource among others. */
export function checkReference(resource: unknown, pod: Pod, others: readonly unknown[]): string[] {
  const { data, error } = referring.safeParse(resource);
  if (data === undefined) return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const services = others.flatMap((other) => {
    const parsed = referring.safeParse(other).data;
    return parsed?.kind === 'Service' ? [parsed] : [];
  });
  return findProblems(data, { pod, services });
}

function findProblems(resource: Referring, { pod, services }: Around): string[] {
  switch (resource.kind) {
    case 'Deployment':
      return [];
    case 'ServiceAccount':
      return missing('account', [resource.metadata.name], [pod.account]);
    case 'HorizontalPodAutoscaler':
      return missing('deployment', [resource.spec.scaleTargetRef.name], [pod.deployment]);
    case 'PodDisruptionBudget':
      return unselected(resource.spec.selector.matchLabels, pod.labels);
    case 'Service': {
      const targets = resource.spec.ports.map(({ targetPort }) => targetPort);
      return [...unselected(resource.spec.selector, pod.labels), ...missing('port', targets, pod.ports)];
    }
    case 'NetworkPolicy': {
      const { podSelector, ingress } = resource.spec;
      const open = ingress.flatMap((rule) => rule.ports.map(({ port }) => String(port)));
      return [...unselected(podSelector.matchLabels, pod.labels), ...missing('port', open, pod.ports)];
    }
    case 'ServiceMonitor': {
      const { selector, endpoints } = resource.spec;
      const found = services.filter(({ metadata }) => selects(selector.matchLabels, metadata.labels));
      const known = found.flatMap(({ spec }) => spec.ports.map(({ name }) => name));
      const asked = endpoints.map(({ port }) => port);
      return missing('port', asked, known);
    }
  }
}

function missing(what: string, named: readonly string[], known: readonly string[]): string[] {
  return named.filter((name) => !known.includes(name)).map((name) => `there is no ${what} ${name}`);
}

function unselected(selector: Labels, borne: Labels): string[] {
  return selects(selector, borne) ? [] : [`the selector ${JSON.stringify(selector)} finds no pod`];
}
