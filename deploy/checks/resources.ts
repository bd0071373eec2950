import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { z } from 'zod';
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
const typed = z.looseObject({ apiVersion: z.string(), kind: z.string() });

/** Every file under kubernetes/ against the schema of what it says it is; one sentence for each problem. */
export function checkResources(): string[] {
  const files = listYaml('kubernetes/').filter((path) => !path.endsWith('kustomization.yaml'));
  return files.flatMap((path) => checkResource(readYaml(path)).map((problem) => `${path}: ${problem}`));
}

/** What is wrong with one resource: wrong types and values, missing fields, and fields that there are none of. */
export function checkResource(resource: unknown): string[] {
  const { data } = typed.safeParse(resource);
  const model = models.find(({ apiVersion, kind }) => apiVersion === data?.apiVersion && kind === data.kind);
  if (model === undefined) return ['It is of no kind that is checked here; add its model.'];
  const { watched, unread } = watchReads(data);
  try {
    model.prototype.validate.call(watched);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return [...unread].map((field) => `${field} is no field of a ${data?.kind}.`);
}

/**
 * Notes which fields nobody reads. The schemas let unknown fields pass, as a cluster would, which then ignores them; but
 * what checks by a schema reads every field that the schema knows.
 */
function watchReads(root: unknown): { watched: object; unread: ReadonlySet<string> } {
  const unread = new Set<string>();
  function watch(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((one, n) => watch(one, `${path}/${n}`));
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
