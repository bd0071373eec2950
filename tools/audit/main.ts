import { validateHeaderName, validateHeaderValue } from 'node:http';
import { parseArgs } from 'node:util';
import { mediaTypesOf, rows, runRow, strengthOf } from './audit.ts';
import { post, send } from './exchange.ts';
import type { Target } from './target.ts';

/** sysexits.h: EX_USAGE and EX_UNAVAILABLE. */
const usageExitCode = 64;
const unavailableExitCode = 69;

const usage = `Checks a server against GraphQL over HTTP, September 2026, and prints each rule with its verdict.

npm run audit -- URL [--query TEXT] [--partial-query TEXT] [--null-query TEXT]
                      [--header 'NAME: VALUE']... [--wait SECONDS] [--failures]

  --query TEXT            a document without variables that succeeds; by default { __typename }
  --partial-query TEXT    a document without variables that yields data and errors, if the server has one
  --null-query TEXT       a document without variables that yields errors and null as data, if the server has one
  --header 'NAME: VALUE'  sent with each request, such as credentials; may be repeated
  --wait SECONDS          how long to wait for the server to end a request that never arrives completely
  --failures              prints only rules that fail
  --help                  prints this text

Exit codes: 0 all rules of strength MUST hold, 1 one of them fails, 64 wrong arguments, 69 no response.
`;

const options = {
  query: { type: 'string', default: '{ __typename }' },
  'partial-query': { type: 'string' },
  'null-query': { type: 'string' },
  header: { type: 'string', multiple: true, default: [] as string[] },
  wait: { type: 'string' },
  failures: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const parsed = parseArguments();
if ('problem' in parsed) {
  process.stderr.write(`${parsed.problem}\n\n${usage}`);
  process.exitCode = usageExitCode;
} else if ('help' in parsed) process.stdout.write(usage);
else process.exitCode = await audit(parsed.target, parsed.failures);

type Arguments = { problem: string } | { help: true } | { target: Omit<Target, 'accept'>; failures: boolean };

function parseArguments(): Arguments {
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) return { help: true };
    const [url] = positionals;
    if (url === undefined || positionals.length > 1 || !/^https?:/.test(url) || !URL.canParse(url))
      return { problem: 'Expected one URL that starts with http: or https:.' };
    const headers = Object.fromEntries(values.header.map(toHeader));
    const slowRequestMs = values.wait === undefined ? undefined : toMs(values.wait);
    const { query, 'partial-query': partialQuery, 'null-query': nullQuery, failures } = values;
    return { target: { url, headers, query, partialQuery, nullQuery, slowRequestMs }, failures };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function toHeader(text: string): [string, string] {
  const [, name, value = ''] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new Error('Expected --header in the form NAME: VALUE.');
  validateHeaderName(name);
  validateHeaderValue(name, value);
  return [name.toLowerCase(), value];
}

function toMs(seconds: string): number {
  const ms = Number(seconds) * 1000;
  if (!(ms > 0)) throw new Error('Expected a number of seconds after --wait.');
  return ms;
}

/** Prints a line for each row and media type; returns the exit code. */
async function audit(server: Omit<Target, 'accept'>, failuresOnly: boolean): Promise<number> {
  const accept = 'application/graphql-response+json';
  try {
    await send({ ...server, accept }, post({ query: server.query }));
  } catch (error) {
    process.stderr.write(`The server does not answer. ${error instanceof Error ? error.message : ''}\n`);
    return unavailableExitCode;
  }
  const counts = { holds: 0, fails: 0, 'not used': 0, 'not applicable': 0 };
  let hasFailed = false;
  for (const row of rows) {
    for (const accept of mediaTypesOf(row)) {
      const { verdict, reason } = await runRow(row, { ...server, accept });
      const strength = strengthOf(row, accept);
      counts[verdict] += 1;
      hasFailed ||= verdict === 'fails' && strength === 'MUST';
      if (failuresOnly && verdict !== 'fails') continue;
      const line = [verdict.padEnd(14), strength.padEnd(6), accept.padEnd(33), `${row.id}: ${row.title}`];
      process.stdout.write(`${line.join(' ')}\n${reason && `${' '.repeat(15)}${reason}\n`}`);
    }
  }
  const summary = Object.entries(counts).map(([verdict, count]) => `${verdict}: ${count}`);
  process.stdout.write(`\n${summary.join(', ')}\n`);
  return hasFailed ? 1 : 0;
}
