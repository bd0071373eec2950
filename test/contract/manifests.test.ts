import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { checkGateway, checkGateways } from '../../deploy/checks/gateways.ts';
import { checkPod, toPod } from '../../deploy/checks/pod.ts';
import { checkReference, checkReferences } from '../../deploy/checks/references.ts';

const folder = new URL('../../deploy/kubernetes/', import.meta.url);
const read = (name: string) => readFileSync(new URL(`${name}.yaml`, folder), 'utf8');
const deployment = read('base/deployment');
/** A manifest with one harmful change. */
function spoil(manifest: string, from: string | RegExp, to: string): unknown {
  const spoilt = manifest.replace(from, to);
  expect(spoilt).not.toBe(manifest);
  return parse(spoilt);
}

describe('check of the pod template', () => {
  it('accepts the deployed pods', () => {
    expect(checkPod()).toEqual([]);
  });

  it.each([
    [/startupProbe:/, 'livenessProbe2:', 'spec.containers.0.startupProbe'],
    [/livenessProbe:/, 'livenessProbe2:', 'spec.containers.0.livenessProbe'],
    [/path: \/readyz/, 'path: /livez', 'spec.containers.0.readinessProbe.httpGet.path'],
    [/requests:/, 'requested:', 'spec.containers.0.resources.requests'],
    [/limits:/, 'limited:', 'spec.containers.0.resources.limits'],
    [/enableServiceLinks: false/, 'enableServiceLinks: true', 'spec.enableServiceLinks'],
    [/enableServiceLinks: false/, 'hostNetwork: false', 'spec.enableServiceLinks'],
    [/automountServiceAccountToken: false/, 'hostPID: false', 'spec.automountServiceAccountToken'],
    [/runAsNonRoot: true/, 'runAsNonRoot: false', 'spec.securityContext.runAsNonRoot'],
    [/runAsUser: 1000/, 'runAsUser: 0', 'spec.securityContext.runAsUser'],
    [/type: RuntimeDefault/, 'type: Unconfined', 'spec.securityContext.seccompProfile.type'],
    [
      /readOnlyRootFilesystem: true/,
      'readOnlyRootFilesystem: false',
      'spec.containers.0.securityContext.readOnlyRootFilesystem',
    ],
    [
      /allowPrivilegeEscalation: false/,
      'allowPrivilegeEscalation: true',
      'spec.containers.0.securityContext.allowPrivilegeEscalation',
    ],
    [/- ALL/, '- KILL', 'spec.containers.0.securityContext.capabilities.drop.0'],
  ])('reports %s replaced by %s', (from, to, path) => {
    expect(checkPod(spoil(deployment, from, to))).toEqual([
      expect.stringContaining(`kubernetes/base/deployment.yaml: spec.template.${path}: `),
    ]);
  });

  it('reports selectors and probes that do not match their own pod', () => {
    const label = 'app.kubernetes.io/name: zenskar-graphql-gateway';
    expect(checkPod(spoil(deployment, label, 'app: gateway'))).toEqual([
      'kubernetes/base/deployment.yaml: the selector {"app":"gateway"} does not match its own pods',
    ]);
    expect(checkPod(spoil(deployment, /port: http\n/, 'port: web\n'))).toEqual([
      'kubernetes/base/deployment.yaml: a probe uses the unknown port web',
    ]);
  });
});

describe('check of references to the pods', () => {
  const service = read('base/service');
  const budget = read('base/pdb');
  const policy = read('base/networkpolicy');
  const autoscaler = read('base/hpa');
  const account = read('base/serviceaccount');
  const monitor = read('components/monitoring/servicemonitor');
  const admin = read('components/monitoring/service');
  const own = 'app.kubernetes.io/name: zenskar-graphql-gateway';
  const elsewhere = 'the selector {"app.kubernetes.io/name":"other"} matches no pod';
  const other = 'app.kubernetes.io/name: other';

  it('accepts the deployed manifests', () => {
    expect(checkReferences()).toEqual([]);
  });

  it.each<[string, [manifest: string, from: string | RegExp, to: string], string]>([
    ['a Service that selects other pods', [service, own, other], elsewhere],
    [
      'a Service with an unknown port',
      [service, 'targetPort: http', 'targetPort: web'],
      'there is no port web',
    ],
    ['a PodDisruptionBudget that selects other pods', [budget, own, other], elsewhere],
    ['a NetworkPolicy that selects other pods', [policy, own, other], elsewhere],
    ['a NetworkPolicy with an unknown port', [policy, 'port: admin', 'port: web'], 'there is no port web'],
    [
      'an autoscaler of an unknown deployment',
      [autoscaler, /(scaleTargetRef:[\s\S]+?name: )\S+/, '$1other'],
      'there is no deployment other',
    ],
    [
      'a ServiceAccount that no pod uses',
      [account, 'name: zenskar-graphql-gateway', 'name: other'],
      'there is no account other',
    ],
    [
      'a ServiceMonitor that selects no Service',
      [monitor, 'component: admin', 'component: web'],
      'there is no port admin',
    ],
    [
      'a ServiceMonitor with an unknown port',
      [monitor, '- port: admin', '- port: web'],
      'there is no port web',
    ],
  ])('reports %s', (_, [manifest, from, to], problem) => {
    const others = [service, admin].map((one) => parse(one));
    expect(checkReference(parse(manifest), toPod(), others)).toEqual([]);
    expect(checkReference(spoil(manifest, from, to), toPod(), others)).toEqual([problem]);
  });
});

describe('check of the environment of a gateway', () => {
  const deployed = {
    name: 'deployment.yaml',
    environment: {
      ZENSKAR_API_KEY: 'redis://placeholder',
      ZENSKAR_ORGANISATION: 'redis://placeholder',
      ADMIN_HOST: '0.0.0.0',
    },
    referenced: [],
    graceMs: 30_000,
    toleratedMs: 90_000,
  };

  it('accepts the deployed gateways', () => {
    expect(checkGateways()).toEqual([]);
  });

  it('reports a liveness probe that silent clients can fail within the keep-alive time', () => {
    const environment = { ...deployed.environment, HTTP_KEEP_ALIVE_TIMEOUT_MS: '620000' };
    expect(checkGateway(deployed)).toEqual([]);
    expect(checkGateway({ ...deployed, environment, toleratedMs: 640_000 })).toEqual([]);
    expect(checkGateway({ ...deployed, environment })).toEqual([
      'The liveness probe tolerates 90000 ms; silent clients may occupy all connections for 635000 ms.',
    ]);
  });
});
