import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { listYaml, readYaml } from './files.ts';
import { type Labels, type Pod, selects, toPod } from './pod.ts';

/** Checks that labels, ports and names which refer to the gateway's pods under kubernetes/ exist. */
export function checkReferences(): string[] {
  const paths = listYaml('kubernetes/').filter((path) => !path.endsWith('kustomization.yaml'));
  const resources = paths.map((path) => ({ path, resource: readYaml(path) }));
  const pod = toPod();
  return resources.flatMap(({ path, resource }) => {
    const others = resources.map((other) => other.resource);
    return checkReference(resource, pod, others).map((problem) => `${path}: ${problem}`);
  });
}

/** Checks one resource that is valid by its schema; `others` are the resources that it may refer to. */
export function checkReference(resource: unknown, pod: Pod, others: readonly unknown[]): string[] {
  if (ServiceAccount.is(resource)) return missing('account', [resource.metadata?.name], [pod.account]);
  if (HorizontalPodAutoscaler.is(resource))
    return missing('deployment', [resource.spec?.scaleTargetRef.name], [pod.deployment]);
  if (PodDisruptionBudget.is(resource)) return unselected(resource.spec?.selector?.matchLabels, pod.labels);
  if (Service.is(resource)) {
    const targets = resource.spec?.ports?.map(({ targetPort }) => targetPort);
    return [...unselected(resource.spec?.selector, pod.labels), ...missing('port', targets, pod.ports)];
  }
  if (NetworkPolicy.is(resource)) {
    const { podSelector, ingress } = resource.spec ?? {};
    const ports = ingress?.flatMap((rule) => rule.ports?.map(({ port }) => port) ?? []);
    return [...unselected(podSelector?.matchLabels, pod.labels), ...missing('port', ports, pod.ports)];
  }
  if (!ServiceMonitor.is(resource)) return [];
  const { selector, endpoints } = resource.spec ?? {};
  const services = others.filter((other) => Service.is(other));
  const selected = services.filter(({ metadata }) => selects(selector?.matchLabels, metadata?.labels));
  const ports = selected.flatMap(({ spec }) => spec?.ports?.map(({ name }) => name) ?? []);
  return missing(
    'port',
    endpoints?.map(({ port }) => port),
    ports,
  );
}

type Name = string | number | undefined;

function missing(kind: string, names: readonly Name[] = [], known: readonly Name[]): string[] {
  return names.filter((name) => !known.includes(name)).map((name) => `there is no ${kind} ${name}`);
}

function unselected(selector: Labels | undefined, labels: Labels): string[] {
  return selects(selector, labels) ? [] : [`the selector ${JSON.stringify(selector)} matches no pod`];
}
