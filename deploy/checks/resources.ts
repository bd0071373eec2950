import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { listYaml, readYaml } from './files.ts';

const models = [
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
  ServiceMonitor,
];
/** Validates every file under kubernetes/ against the schema of its kind; one sentence for each problem. */
export function checkResources(): string[] {
  const paths = listYaml('kubernetes/').filter((path) => !path.endsWith('kustomization.yaml'));
  return paths.flatMap((path) => checkResource(readYaml(path)).map((problem) => `${path}: ${problem}`));
}

/** Wrong types and values, missing fields and unknown fields of one resource. */
export function checkResource(resource: unknown): string[] {
  const model = models.find((candidate) => candidate.is(resource));
  if (model === undefined) return ['No model for this apiVersion and kind; add it to the models.'];
  const { watched, unread } = watchReads(resource);
  try {
    model.prototype.validate.call(watched);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return [...unread].map((field) => `${field} is not a field of ${model.kind}.`);
}

/**
 * Records which fields are never read. The schemas accept unknown fields, as a cluster does, which ignores them. But
 * the validation reads every field that the schema knows, so an unread field is unknown.
 */
function watchReads(root: unknown): { watched: object; unread: ReadonlySet<string> } {
  const unread = new Set<string>();
  function watch(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((item, n) => watch(item, `${path}/${n}`));
    if (typeof value !== 'object' || value === null) return value;
    const copy: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value)) {
      unread.add(`${path}/${name}`);
      copy[name] = watch(field, `${path}/${name}`);
    }
    return new Proxy(copy, {
      get(target, name) {
        unread.delete(`${path}/${String(name)}`);
        return target[String(name)];
      },
    });
  }
  return { watched: Object(watch(root, '')), unread };
}
