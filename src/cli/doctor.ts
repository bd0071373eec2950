import { readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../clock.ts';
import { describeOutdatedNode } from '../config/nodeVersion.ts';
import { toUuid } from '../text.ts';
import type { Finding } from './doctorAdvice.ts';
import { type Report, runChecks } from './doctorChecks.ts';

/** sysexits.h: EX_USAGE. */
const usageExitCode = 64;
const stdout = 1;
const stderr = 2;

const usage = `Checks the configuration, Redis, the issuer's keys, Zenskar, the clock and the keep-alive time, and says what is wrong and
what to do.

npm run doctor -- [--entitlement UUID --customer UUID] [--json]

  --entitlement UUID, --customer UUID   the total to request from Zenskar. By default one that need not exist, which
                                        proves host, TLS and, if Zenskar checks them, credentials
  --json                                prints one JSON document instead of lines
  --help                                prints this text

It reads the environment variables that the gateway reads, and calls Redis, the issuer and Zenskar. In Redis it deletes
all that it has written. It prints no secret. Exit codes: 0 no problem, 1 a problem, 64 wrong arguments, 78 invalid
configuration.
`;

const options = {
  entitlement: { type: 'string' },
  customer: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const parsed = parseArguments();
if ('problem' in parsed) finish(stderr, `${parsed.problem}\n\n${usage}`, usageExitCode);
else if (parsed.help) finish(stdout, usage, 0);
else {
  // biome-ignore lint/style/noProcessEnv: the entry of a program, which the environment configures
  const environment = process.env;
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const outdatedNode = describeOutdatedNode(process.versions.node);
  if (outdatedNode !== undefined) writeSync(stderr, `${outdatedNode}\n`);
  const report = await runChecks({ environment, readFile, ids: parsed.ids, clock: systemClock });
  finish(stdout, parsed.json ? `${JSON.stringify(report, undefined, 2)}\n` : toText(report), report.exitCode);
}

/** The problem repeats no value, because it may be a secret. */
function parseArguments() {
  try {
    const { entitlement, customer, json, help } = parseArgs({ options }).values;
    const entitlementId = toUuid(entitlement);
    const customerId = toUuid(customer);
    if (entitlementId !== undefined && customerId !== undefined)
      return { ids: { entitlementId, customerId }, json, help };
    if (entitlement === undefined && customer === undefined) return { ids: undefined, json, help };
    return { problem: 'Expected one UUID each for --entitlement and --customer, or neither of them.' };
  } catch {
    return { problem: 'Expected no other arguments than those below.' };
  }
}

function toText({ variables, findings }: Report): string {
  const problems = findings.filter(({ status }) => status === 'problem').length;
  return [
    'Variables (of a secret, only whether it is set):',
    ...Object.entries(variables).map(([name, value]) => `  ${name}=${value}`),
    '',
    ...findings.map(toLine),
    '',
    problems === 0 ? 'No problem found.' : `${problems} ${problems === 1 ? 'problem' : 'problems'} found.`,
    '',
  ].join('\n');
}

function toLine({ status, check, reason, next }: Finding): string {
  return `${status.padEnd(8)}${check}: ${reason}${next === undefined ? '' : ` Next: ${next}`}`;
}

/** Exits at once: a pending DNS lookup would keep the process alive for seconds. */
function finish(stream: number, text: string, exitCode: number): never {
  writeSync(stream, text);
  process.exit(exitCode);
}
