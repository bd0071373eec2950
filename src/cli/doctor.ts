import { readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeOutdatedNode } from '../config/nodeVersion.ts';
import { toUuid } from '../text.ts';
import { examine } from './doctor/examine.ts';
import { toText } from './doctor/toText.ts';

/** sysexits.h: EX_USAGE. */
const usageExitCode = 64;
const stdout = 1;
const stderr = 2;

const usage = `Says what is wrong with the configuration, Redis, the issuer's keys, Zenskar and the clock.

npm run doctor -- [--entitlement UUID --customer UUID] [--json]

  --entitlement UUID, --customer UUID   the total to ask Zenskar for; without them it is asked for one that need not
                                        exist, which proves host, TLS and, where Zenskar checks them, credentials
  --json                                prints one JSON document in place of lines
  --help                                prints this

It reads the environment variables that the gateway reads, makes one call to each service they name, changes nothing,
and prints no secret. Exit codes: 0 all is well, 1 a problem was found, 64 wrong arguments, 78 the configuration cannot
be used.
`;

const options = {
  entitlement: { type: 'string' },
  customer: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const asked = readArguments();
if ('complaint' in asked) finish(stderr, `${asked.complaint}\n\n${usage}`, usageExitCode);
else if (asked.help) finish(stdout, usage, 0);
else {
  // biome-ignore lint/style/noProcessEnv: the entry of a program, which the environment configures
  const environment = process.env;
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const outdatedNode = describeOutdatedNode(process.versions.node);
  if (outdatedNode !== undefined) writeSync(stderr, `${outdatedNode}\n`);
  const report = await examine({ environment, readFile, ids: asked.ids, now: Date.now });
  finish(stdout, asked.json ? `${JSON.stringify(report, undefined, 2)}\n` : toText(report), report.exitCode);
}

/** A complaint never repeats a value: it may be a secret in the wrong place. */
function readArguments() {
  try {
    const { entitlement, customer, json, help } = parseArgs({ options }).values;
    const entitlementId = toUuid(entitlement);
    const customerId = toUuid(customer);
    if (entitlementId !== undefined && customerId !== undefined)
      return { ids: { entitlementId, customerId }, json, help };
    if (entitlement === undefined && customer === undefined) return { ids: undefined, json, help };
    return { complaint: 'Expected a UUID each for --entitlement and --customer, or neither of them.' };
  } catch {
    return { complaint: 'Expected no other arguments than those below.' };
  }
}

/** Ends at once: a name that is still being looked up would hold the process back for seconds. */
function finish(stream: number, text: string, exitCode: number): never {
  writeSync(stream, text);
  process.exit(exitCode);
}
