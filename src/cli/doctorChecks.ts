import { randomUUID } from 'node:crypto';
import { createKeySet, hasKeyFor } from '../auth/jwks.ts';
import { algorithms, maxTriedKeys } from '../auth/jwt.ts';
import { createTenant } from '../auth/tenant.ts';
import type { Clock } from '../clock.ts';
import { type Config, type ParsedConfig, parseConfig, type ValidConfig } from '../config/config.ts';
import { type Environment, preferLowerCase } from '../config/environment.ts';
import { toProxy, toProxyVariable } from '../config/proxy.ts';
import { listProblems } from '../graphql/safelist.ts';
import { createSchema } from '../graphql/schema.ts';
import type { Emit } from '../telemetry/events.ts';
import { noSpan } from '../telemetry/tracing.ts';
import { parseJson } from '../text.ts';
import type { AttemptOutcome, TotalParameters } from '../zenskar/request.ts';
import { decodeTotal } from '../zenskar/totalBody.ts';
import { loadZenskarClient } from '../zenskar/tracedClient.ts';
import { diagnose, type Finding } from './doctorAdvice.ts';
import { createRedact, listVariables, type Redact } from './doctorEnvironment.ts';
import { checkRedis } from './doctorRedis.ts';

/** sysexits.h: EX_CONFIG. */
const configurationExitCode = 78;
/** The leeway that tokens have as well. */
const maxSkewMs = 30_000;
/** The shortest idle timeout that load balancers have by default: AWS. */
const balancerIdleMs = 60_000;
/** Codes of calls for which there was no connection. */
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/;
const maxQuotedLength = 200;
const maxFieldNames = 10;
/** Need not exist. Fixed, so that they can be recognised in Zenskar's log. */
const probeIds: TotalIds = {
  entitlementId: '00000000-0000-4000-8000-000000000000',
  customerId: '00000000-0000-4000-8000-000000000000',
};
const totalFields = ['entitlement', 'customer', 'quantity'];

type Response = Extract<AttemptOutcome, { kind: 'answered' }>;
type TotalIds = Pick<TotalParameters, 'entitlementId' | 'customerId'>;

export type DoctorInput = {
  environment: Environment;
  readFile: (path: string) => string;
  /** The total to request from Zenskar; by default one that need not exist. */
  ids?: TotalIds | undefined;
  clock: Clock;
};

type CheckContext = Pick<DoctorInput, 'ids' | 'clock'> & { config: Config; redact: Redact };

/** Contains no secret. */
export type Report = {
  exitCode: number;
  variables: Readonly<Record<string, string>>;
  findings: readonly Finding[];
};

/** Checks the configuration and, if it is valid, each service that it names. */
export async function runChecks({ readFile, ids, clock, ...input }: DoctorInput): Promise<Report> {
  const environment = preferLowerCase(input.environment);
  const parsed = checkSafelist(parseConfig(environment, readFile));
  const redact = createRedact(environment, readFile);
  const findings = parsed.ok
    ? [
        ...reportValidConfiguration(parsed),
        ...(await checkServices({ config: parsed.config, ids, clock, redact })),
      ]
    : reportInvalidConfiguration(parsed.problems);
  const variables = listVariables(environment, readFile).map(([name, value]) => [name, redact(value)]);
  return {
    exitCode: parsed.ok ? Number(findings.some(({ status }) => status === 'problem')) : configurationExitCode,
    variables: Object.fromEntries(variables),
    findings: findings.map(({ reason, next, ...rest }) => {
      return { ...rest, reason: redact(reason), ...(next === undefined ? {} : { next: redact(next) }) };
    }),
  };
}

/** The gateway checks it when it starts, after the variables. */
function checkSafelist(parsed: ParsedConfig): ParsedConfig {
  if (!parsed.ok || parsed.config.GRAPHQL_SAFELIST === undefined) return parsed;
  const problems = listProblems(parsed.config.GRAPHQL_SAFELIST, {
    schema: createSchema(),
    limits: parsed.config,
  });
  return problems.length === 0 ? parsed : { ok: false, problems };
}

function reportValidConfiguration({ warnings }: ValidConfig): Finding[] {
  if (warnings.length === 0) return [diagnose('configuration', 'valid')];
  return warnings.map((problem) => diagnose('configuration', 'ignored', { problem }));
}

function reportInvalidConfiguration(problems: readonly string[]): Finding[] {
  const skipped = (['redis', 'jwks', 'upstream', 'clock', 'connections'] as const).map((check) =>
    diagnose(check, 'configuration invalid'),
  );
  return [...problems.map((problem) => diagnose('configuration', 'invalid', { problem })), ...skipped];
}

async function checkServices(context: CheckContext): Promise<Finding[]> {
  const [redis, jwks, upstreamAndClock] = await Promise.all([
    checkRedis(context),
    checkKeySet(context),
    checkUpstream(context),
  ]);
  return [redis, jwks, ...upstreamAndClock, checkConnections(context.config)];
}

/** Nothing shows which load balancer is in front, so the check compares with what is usual. */
function checkConnections({ HTTP_KEEP_ALIVE_TIMEOUT_MS: timeoutMs }: Config): Finding {
  const found = timeoutMs > balancerIdleMs ? 'outlast' : 'short';
  return diagnose('connections', found, { duration: timeoutMs / 1000 });
}

/** Fetches the key set as the gateway does, and looks for keys that the gateway can use. */
async function checkKeySet({ config, clock }: CheckContext): Promise<Finding> {
  const { AUTH_MODE: mode, JWT_JWKS_URL: url } = config;
  if (mode !== 'jwt' || url === undefined) return diagnose('jwks', 'not used', { mode });
  const failures: string[] = [];
  const emit: Emit = (event) => event.type === 'keysUnavailable' && failures.push(event.reason);
  const keySet = createKeySet({ url, proxy: toProxy(config, url), emit, ...clock });
  const usable: string[] = [];
  for (const algorithm of algorithms) {
    if (await hasKeyFor(keySet, algorithm)) usable.push(algorithm);
    const [reason] = failures;
    if (reason !== undefined)
      return diagnose('jwks', reason, { reason, ...toWay('JWT_JWKS_URL', url, { config, reason }) });
  }
  const count = keySet.countUnnamed();
  const facts = { algorithms: usable.join(', '), count, limit: maxTriedKeys };
  if (usable.length === 0) return diagnose('jwks', 'none usable', facts);
  if (count > maxTriedKeys) return diagnose('jwks', 'too many unnamed', facts);
  return diagnose('jwks', count > 1 ? 'usable unnamed' : 'usable', facts);
}

/** Makes one attempt with the gateway's client. With `AUTH_MODE=passthrough` there may be no credentials. */
async function checkUpstream({ config, ids, clock, redact }: CheckContext): Promise<Finding[]> {
  const {
    ZENSKAR_URL: url,
    ZENSKAR_API_VERSION: apiVersion,
    UPSTREAM_ATTEMPT_TIMEOUT_MS: timeoutMs,
  } = config;
  const { ZENSKAR_API_KEY: apiKey = '', ZENSKAR_ORGANISATION: organisation = '' } = config;
  const parameters = { ...(ids ?? probeIds), startDate: null, endDate: null };
  const client = await loadZenskarClient(config);
  const sentMs = clock.now();
  const startedMs = clock.monotonic();
  const outcome = await client.attempt(parameters, {
    tenant: createTenant({ apiKey, organisation, url, apiVersion }),
    requestId: `doctor-${randomUUID()}`,
    span: noSpan,
    resends: 0,
    signal: new AbortController().signal,
    timeoutMs,
  });
  const receivedMs = clock.now();
  client.close();
  const reason = outcome.kind === 'connection' ? outcome.reason : '';
  const facts = {
    call: `${ids ? ' total' : ' probe'}${apiKey && organisation ? '' : ' without credentials'}`,
    limit: timeoutMs,
    duration: Math.round(clock.monotonic() - startedMs),
    ...toWay('ZENSKAR_URL', url, { config, reason }),
  };
  if (outcome.kind !== 'answered') {
    return [diagnose('upstream', `${outcome.kind} ${reason}`, { ...facts, reason }), checkClock(undefined)];
  }
  const drift = outcome.status === 200 ? listDrift(outcome.body, parameters) : [];
  const { found, ...response } = describeResponse(outcome, { drift, url, redact });
  return [
    diagnose('upstream', found, { ...facts, ...response }),
    checkClock({ date: outcome.headers.date, sentMs, receivedMs }),
  ];
}

type ResponseContext = { drift: readonly string[]; url: string; redact: Redact };

function describeResponse({ status, body, headers }: Response, { drift, url, redact }: ResponseContext) {
  const json = parseJson(body);
  const text = json === undefined ? body.trim().replaceAll(/\s+/g, ' ') : JSON.stringify(json);
  const verdict = drift.length > 0 ? 'drift ' : 'total ';
  // Redacted before it is cut: a part of a secret could not be recognised.
  const message = redact(readMessage(json)).slice(0, maxQuotedLength);
  const target = URL.parse(headers.location ?? '', url);
  return {
    found: `${status} ${status === 200 ? verdict : ''}${text}`,
    status,
    problem: drift.join('; '),
    quote: message === '' ? '' : ` with the message ${JSON.stringify(message)}`,
    // Without user and query, which may hold secrets.
    location: headers.location && target ? target.origin + target.pathname : 'no location',
  };
}

/** The API gateway in front of Zenskar sends `message` or `Message`, Zenskar itself `detail`. */
function readMessage(json: unknown): string {
  const { message, Message = message, detail = Message } = isRecord(json) ? json : {};
  return typeof detail === 'string' ? detail : '';
}

/** The gateway's own verdict on the body of a 200, and the unknown fields, which the gateway ignores. */
export function listDrift(body: string, parameters: TotalParameters): readonly string[] {
  const json = parseJson(body);
  const names = Object.keys(isRecord(json) ? json : {}).filter((name) => !totalFields.includes(name));
  const unknown = names.slice(0, maxFieldNames).map((name) => `unknown field ${JSON.stringify(name)}`);
  if (names.length > maxFieldNames) unknown.push(`${names.length - maxFieldNames} more unknown fields`);
  const decoded = decodeTotal(body, parameters);
  return decoded.ok ? unknown : [...unknown, decoded.problem];
}

type DatedResponse = { date: string | undefined; sentMs: number; receivedMs: number };

/**
 * Compares this machine's clock with the `Date` of a response (RFC 9110, section 6.6.1). It has a resolution of one
 * second and was written between request and response. Only a difference that neither explains is a problem.
 */
export function checkClock(response: DatedResponse | undefined): Finding {
  if (response === undefined) return diagnose('clock', 'no response');
  const { date = '', sentMs, receivedMs } = response;
  const dateMs = Date.parse(date);
  if (Number.isNaN(dateMs)) return diagnose('clock', 'no date');
  const skewMs = (sentMs + receivedMs) / 2 - (dateMs + 500);
  const uncertaintyMs = 500 + (receivedMs - sentMs) / 2;
  const isWithin = Math.abs(skewMs) - uncertaintyMs <= maxSkewMs;
  return diagnose('clock', isWithin ? 'within' : 'skewed', {
    skew: `${(Math.abs(skewMs) / 1000).toFixed(1)} s (give or take ${(uncertaintyMs / 1000).toFixed(1)} s)`,
    direction: skewMs > 0 ? 'ahead of' : 'behind',
  });
}

/** Where a call failed, and the variable that says so. Until there is a tunnel, only the proxy is involved. */
function toWay(variable: string, url: string, { config, reason }: { config: Config; reason: string }) {
  const target = toTarget(variable, url);
  const proxy = toProxy(config, url);
  if (proxy === undefined) return target;
  const { place, variable: proxyVariable } = toTarget(toProxyVariable(url), proxy);
  return unreachable.test(reason)
    ? { variable: proxyVariable, place: `the proxy ${place}` }
    : { variable, place: `${target.place} through the proxy ${place}`, proxy: proxyVariable };
}

function toTarget(variable: string, value = '') {
  const { protocol, hostname, port } = new URL(value);
  return { variable, place: `${hostname}:${port || (protocol === 'http:' ? '80' : '443')}` };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
