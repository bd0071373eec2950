import { type Config, parseConfig } from '../../config/config.ts';
import { checkClock } from './checkClock.ts';
import { checkKeySet } from './checkKeySet.ts';
import { checkRedis } from './checkRedis.ts';
import { checkUpstream, type TotalIds } from './checkUpstream.ts';
import { type Environment, showVariables } from './configuration.ts';
import type { Means } from './means.ts';
import { createRedact } from './redact.ts';
import { ok, problem, skipped, type Verdict } from './verdict.ts';

/** sysexits.h: EX_CONFIG. */
const configurationExitCode = 78;

/** One line of the report. The configuration has as many as it has problems. */
export type Finding = { check: 'configuration' | 'redis' | 'jwks' | 'upstream' | 'clock' } & Verdict;

/** All that the doctor has to say; nothing in it is secret. */
export type Report = {
  exitCode: number;
  variables: Readonly<Record<string, string>>;
  findings: readonly Finding[];
};

type Patient = {
  environment: Environment;
  readFile: (path: string) => string;
  /** The total to ask Zenskar for; none will do. */
  ids?: TotalIds | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
};

/** Checks the configuration, and with it whatever the gateway would call. */
export async function examine({ environment, readFile, ids, now }: Patient): Promise<Report> {
  const parsed = parseConfig(environment, readFile);
  const redact = createRedact(environment, readFile);
  const findings = parsed.ok
    ? await examineSurroundings(parsed.config, ids, { now, redact })
    : refuse(parsed.problems);
  const shown = Object.entries(showVariables(environment, readFile)).map(([name, value]) => [
    name,
    redact(value),
  ]);
  return {
    exitCode: parsed.ok ? Number(findings.some(({ status }) => status === 'problem')) : configurationExitCode,
    variables: Object.fromEntries(shown),
    findings: findings.map(({ reason, next, ...rest }) => {
      return { ...rest, reason: redact(reason), ...(next === undefined ? {} : { next: redact(next) }) };
    }),
  };
}

async function examineSurroundings(
  config: Config,
  ids: TotalIds | undefined,
  means: Means,
): Promise<Finding[]> {
  const [redis, jwks, { verdict, answer }] = await Promise.all([
    checkRedis(config, means.now),
    checkKeySet(config, means),
    checkUpstream(config, ids, means),
  ]);
  return [
    { check: 'configuration', ...ok('All variables can be read and fit together.') },
    { check: 'redis', ...redis },
    { check: 'jwks', ...jwks },
    { check: 'upstream', ...verdict },
    { check: 'clock', ...checkClock(answer) },
  ];
}

function refuse(problems: readonly string[]): Finding[] {
  const waiting = skipped('The configuration cannot be used.', 'Mend the configuration first.');
  return [
    ...problems.map(
      (reason) =>
        ({
          check: 'configuration',
          ...problem(reason, 'Mend it; until then the gateway does not start.'),
        }) as const,
    ),
    ...(['redis', 'jwks', 'upstream', 'clock'] as const).map((check) => ({ check, ...waiting })),
  ];
}
