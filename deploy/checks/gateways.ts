import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';
import { secretVariables } from '../../src/config/variables.ts';
import { toConnectionLimits } from '../../src/http/server.ts';
import { readText, readYaml } from './files.ts';

/** The value of referenced variables, which only the operator knows. Most variables accept any text. */
const placeholder = 'redis://placeholder';
const placeholders: Readonly<Record<string, string>> = { OTEL_EXPORTER_OTLP_HEADERS: 'key=placeholder' };
/** Time that the process needs to exit after that: the log waits up to 3 s for its reader, traces 1 s, cut-off requests 0.5 s. */
const spareMs = 5000;

const settings = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));
const service = z.object({ environment: settings, stop_grace_period: z.string().regex(/^\d+s$/) });
const compose = z.object({ services: z.object({ 'gateway-1': service, 'gateway-2': service }) });

const reference = z.strictObject({
  name: z.string(),
  valueFrom: z.object({ secretKeyRef: z.looseObject({}) }),
});
const probe = z.object({ periodSeconds: z.number(), failureThreshold: z.number() });
const container = z.object({ env: z.array(reference), livenessProbe: probe });
const pod = z.object({ terminationGracePeriodSeconds: z.number(), containers: z.tuple([container]) });
const deployment = z.object({ spec: z.object({ template: z.object({ spec: pod }) }) });

type Environment = Readonly<Record<string, string>>;
type Deployed = {
  name: string;
  /** The literal values. */
  environment: Environment;
  /** The variables that refer to a secret. */
  referenced: readonly string[];
  graceMs: number;
  /** For how long the liveness probe may fail before the gateway is restarted; infinite without a probe. */
  toleratedMs: number;
};

/** Checks that the gateway accepts its configuration in compose.yaml and in Kubernetes. */
export function checkGateways(): string[] {
  const deployed = [...readCompose(), readDeployment()];
  return deployed.flatMap((gateway) => checkGateway(gateway).map((problem) => `${gateway.name}: ${problem}`));
}

function readCompose(): Deployed[] {
  const { services } = compose.parse(readYaml('compose.yaml'));
  return Object.entries(services).map(([name, { environment, stop_grace_period: grace }]) => ({
    name,
    // The image sets HOST and PORT.
    environment: { HOST: '0.0.0.0', PORT: '4000', ...fillIn(environment) },
    referenced: [],
    graceMs: 1000 * Number.parseInt(grace, 10),
    toleratedMs: Number.POSITIVE_INFINITY,
  }));
}

/** Replaces variables of compose by their defaults. */
function fillIn(environment: Environment): Environment {
  const filled = Object.entries(environment).map(([name, value]) => {
    return [name, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')];
  });
  return Object.fromEntries(filled);
}

function readDeployment(): Deployed {
  const { spec } = deployment.parse(readYaml('kubernetes/base/deployment.yaml')).spec.template;
  const [{ env, livenessProbe }] = spec.containers;
  const lines = readText('kubernetes/base/gateway.env').matchAll(/^([^#=\n]+)=(.*)$/gm);
  return {
    name: 'deployment.yaml',
    environment: Object.fromEntries([...lines].map(([, name, value]) => [name, value])),
    referenced: env.map(({ name }) => name),
    graceMs: 1000 * spec.terminationGracePeriodSeconds,
    toleratedMs: 1000 * livenessProbe.periodSeconds * livenessProbe.failureThreshold,
  };
}

export function checkGateway({ environment, referenced, graceMs, toleratedMs }: Deployed): string[] {
  const given = Object.fromEntries(referenced.map((name) => [name, placeholders[name] ?? placeholder]));
  const parsed = parseConfig({ ...environment, ...given }, () => placeholder);
  if (!parsed.ok) return [...parsed.problems];
  const { SHUTDOWN_DELAY_MS, SHUTDOWN_TIMEOUT_MS, ADMIN_HOST, HTTP_KEEP_ALIVE_TIMEOUT_MS } = parsed.config;
  const drainMs = SHUTDOWN_DELAY_MS + SHUTDOWN_TIMEOUT_MS + spareMs;
  const { requestTimeout, connectionsCheckingInterval } = toConnectionLimits(HTTP_KEEP_ALIVE_TIMEOUT_MS);
  const occupiedMs = requestTimeout + connectionsCheckingInterval;
  const literal = secretVariables.filter((name) => isSecretText(environment[name]));
  return [
    ...literal.map((name) => `${name} has a literal value; expected a reference to a secret.`),
    ...(drainMs > graceMs ? [`The grace period is ${graceMs} ms; draining may take ${drainMs} ms.`] : []),
    ...(occupiedMs > toleratedMs
      ? [
          `The liveness probe tolerates ${toleratedMs} ms; silent clients may occupy all connections for ${occupiedMs} ms.`,
        ]
      : []),
    ...(ADMIN_HOST === '0.0.0.0' ? [] : ['ADMIN_HOST is not 0.0.0.0; Prometheus cannot read the metrics.']),
  ];
}

/** The URL of Redis or of a proxy is not secret without a password. */
function isSecretText(value: string | undefined): boolean {
  return value !== undefined && !/^(redis|https?):\/\/[^@]+$/.test(value);
}
