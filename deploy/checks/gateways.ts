import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';
import { secretVariables } from '../../src/config/variables.ts';
import { readText, readYaml } from './files.ts';

/** Stands for what only whoever runs the gateway knows. Most take any text. */
const placeholder = 'redis://placeholder';
const placeholders: Readonly<Record<string, string>> = { OTEL_EXPORTER_OTLP_HEADERS: 'key=placeholder' };
/** The process needs a moment to end after its last request. */
const spareMs = 2000;

const settings = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));
const gateway = z.object({ environment: settings, stop_grace_period: z.string().regex(/^\d+s$/) });
const compose = z.object({ services: z.object({ 'gateway-1': gateway, 'gateway-2': gateway }) });

const reference = z.strictObject({
  name: z.string(),
  valueFrom: z.object({ secretKeyRef: z.looseObject({}) }),
});
const container = z.object({ env: z.array(reference) });
const pod = z.object({ terminationGracePeriodSeconds: z.number(), containers: z.tuple([container]) });
const deployment = z.object({ spec: z.object({ template: z.object({ spec: pod }) }) });

type Environment = Readonly<Record<string, string>>;
type Deployed = {
  name: string;
  /** As it is written. */
  environment: Environment;
  /** The variables that are references. */
  referenced: readonly string[];
  graceMs: number;
};

/** The gateways of compose.yaml and of Kubernetes: whether the gateway itself accepts what they are set to. */
export function checkGateways(): string[] {
  const deployed = [...readCompose(), readDeployment()];
  return deployed.flatMap((one) => checkGateway(one).map((problem) => `${one.name}: ${problem}`));
}

function readCompose(): Deployed[] {
  const { services } = compose.parse(readYaml('compose.yaml'));
  return Object.entries(services).map(([name, { environment, stop_grace_period: grace }]) => ({
    name,
    // The image sets these two.
    environment: { HOST: '0.0.0.0', PORT: '4000', ...fillIn(environment) },
    referenced: [],
    graceMs: 1000 * Number.parseInt(grace, 10),
  }));
}

/** Each variable of compose's own by its default. */
function fillIn(environment: Environment): Environment {
  const filled = Object.entries(environment).map(([name, value]) => {
    return [name, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')];
  });
  return Object.fromEntries(filled);
}

function readDeployment(): Deployed {
  const { spec } = deployment.parse(readYaml('kubernetes/base/deployment.yaml')).spec.template;
  const lines = readText('kubernetes/base/gateway.env').matchAll(/^([^#=\n]+)=(.*)$/gm);
  return {
    name: 'deployment.yaml',
    environment: Object.fromEntries([...lines].map(([, name, value]) => [name, value])),
    referenced: spec.containers[0].env.map(({ name }) => name),
    graceMs: 1000 * spec.terminationGracePeriodSeconds,
  };
}

function checkGateway({ environment, referenced, graceMs }: Deployed): string[] {
  const given = Object.fromEntries(referenced.map((name) => [name, placeholders[name] ?? placeholder]));
  const parsed = parseConfig({ ...environment, ...given }, () => placeholder);
  if (!parsed.ok) return [...parsed.problems];
  const { SHUTDOWN_DELAY_MS, SHUTDOWN_TIMEOUT_MS, ADMIN_HOST } = parsed.config;
  const drainMs = SHUTDOWN_DELAY_MS + SHUTDOWN_TIMEOUT_MS + spareMs;
  const told = secretVariables.filter((name) => isSecretText(environment[name]));
  return [
    ...told.map((name) => `${name} is written down; expected a reference.`),
    ...(drainMs > graceMs ? [`It is killed after ${graceMs} ms; draining may take ${drainMs} ms.`] : []),
    ...(ADMIN_HOST === '0.0.0.0' ? [] : ['ADMIN_HOST keeps the metrics from Prometheus.']),
  ];
}

/** The URL of a Redis without a password holds none. */
function isSecretText(value: string | undefined): boolean {
  return value !== undefined && !/^redis:\/\/[^@]+$/.test(value);
}
