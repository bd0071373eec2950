import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { tokenDescriptions } from '../../src/auth/jwt.ts';
import { requiredVariables, secretVariables, variables } from '../../src/config/variables.ts';
import { errorCodes, httpStatuses } from '../../src/errors.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { useGateway } from '../support/gateway.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const listPages = (folder: string) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => `${folder}${name}`);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...listPages('docs/'),
  ...listPages('examples/'),
];

/** The rows of the table with this header. */
function rowsUnder(header: string, page: string): string[] {
  const [, rest = ''] = read(page).split(`${header}\n|---|---|---|\n`);
  return rest.split('\n\n')[0]?.trimEnd().split('\n') ?? [];
}

/** The condition under which a variable is required; empty if it never is. */
function requirementOf(variable: string): string {
  const modes = Object.entries(requiredVariables);
  const requiring = modes
    .filter(([, names]) => names.some((name) => name === variable))
    .map(([mode]) => mode);
  const otherModes = modes.filter(([mode]) => !requiring.includes(mode)).map(([mode]) => mode);
  if (requiring.length === 0) return '';
  return requiring.length > otherModes.length
    ? `required, except with \`AUTH_MODE=${otherModes}\``
    : `required with \`AUTH_MODE=${requiring}\``;
}

const settings = Object.entries(variables).map(([name, schema]) => {
  const { data } = schema.safeParse(undefined);
  const fallback = Array.isArray(data) && data.length === 0 ? undefined : data;
  return {
    name,
    fallback: fallback === undefined ? '' : String(fallback),
    required: requirementOf(name),
    meaning: schema.description,
  };
});

/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(page: string): string[] {
  const prose = read(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return headings.map((heading) => heading.replaceAll(/[^\w -]/g, '').replaceAll(' ', '-'));
}

/** The links of a page that lead to no file, or to a heading that does not exist. */
function brokenLinks(page: string): string[] {
  const base = new URL(page, root);
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => {
    const url = new URL(target, base);
    if (url.protocol !== 'file:') return false;
    const path = url.pathname.slice(root.pathname.length);
    if (!existsSync(new URL(path, root))) return true;
    return url.hash !== '' && !anchorsOf(path).includes(url.hash.slice(1));
  });
}

describe('docs/configuration.md', () => {
  it('lists every variable with its default and meaning', () => {
    expect(rowsUnder('| variable | default | meaning |', 'docs/configuration.md')).toEqual(
      settings.map(({ name, required, fallback, meaning }) => {
        return `| \`${name}\` | ${required || fallback || 'unset'} | ${meaning} |`;
      }),
    );
  });

  it('names the file variant of every secret', () => {
    const missing = secretVariables.filter(
      (name) => !read('docs/configuration.md').includes(`\`${name}_FILE\``),
    );
    expect(missing).toEqual([]);
  });
});

describe('.env.example', () => {
  it('lists every variable with its default and meaning', () => {
    const blocks = settings.map(({ name, required, fallback, meaning }) => {
      return `# ${meaning}\n${required.startsWith('required, ') ? '' : '#'}${name}=${fallback}\n`;
    });
    expect(read('.env.example')).toBe(blocks.join('\n'));
  });
});

describe('docs/errors.md', () => {
  it('has the HTTP status of each code', () => {
    const header = '| code | `application/graphql-response+json` | `application/json` |';
    expect(rowsUnder(header, 'docs/errors.md')).toEqual(
      Object.entries(httpStatuses).map(([code, [graphql, json]]) => `| \`${code}\` | ${graphql} | ${json} |`),
    );
  });

  it('lists every error code with its meaning', () => {
    expect(rowsUnder('| code | retryable | when |', 'docs/errors.md')).toEqual(
      Object.entries(errorCodes).map(
        ([code, { retryable, when }]) => `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${when} |`,
      ),
    );
  });
});

describe('docs/authentication.md', () => {
  it('lists every description of a rejected token', () => {
    const listed = [
      ...read('docs/authentication.md').matchAll(/^- (The (?:token|issuer|[a-z]+ of the token) .*)$/gm),
    ];
    expect(new Set(listed.map(([, description]) => description))).toEqual(
      new Set(tokenDescriptions.values()),
    );
  });
});

describe('docs/observability.md', () => {
  it('lists every metric with its kind and help text', async () => {
    const metrics = createMetrics({
      config: { UPSTREAM_BREAKER_RESET_MS: 1 },
      monotonic: () => performance.now(),
    });
    metrics.count({ type: 'redisChanged', state: 'up', reason: undefined });
    metrics.count({ type: 'purgesPending', count: 0 });
    const { body } = await metrics.read();
    const kinds = new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind]));
    const own = [...body.matchAll(/^# HELP (\S+) (.*)$/gm)].filter(
      ([, name]) => !/^(process|nodejs)_/.test(`${name}`),
    );
    expect(rowsUnder('| metric | kind | meaning |', 'docs/observability.md')).toEqual(
      own.map(([, name, help]) => `| \`${name}\` | ${kinds.get(name)} | ${help} |`),
    );
    expect(own.length).toBeGreaterThan(15);
  });

  it('lists every event of the log', () => {
    const types = [...read('src/telemetry/events.ts').matchAll(/\btype: '(\w+)'/g)].map(([, type]) => type);
    const unlogged = [
      'requestEnded',
      'connectionsChanged',
      'upstreamCallStarted',
      'upstreamQueueChanged',
      'refreshSkipped',
      'purgesPending',
    ];
    const listed = rowsUnder('| event | level | meaning |', 'docs/observability.md').map(
      (row) => /^\| `(\w+)`/.exec(row)?.[1],
    );
    expect(new Set(listed)).toEqual(new Set(types.filter((type = '') => !unlogged.includes(type))));
  });
});

describe('docs/security.md', () => {
  it('names an existing test for each row of the threat model', () => {
    const page = read('docs/security.md');
    const proofs = [...page.matchAll(/\| `([a-z0-9]+\/[a-zA-Z/]+)`: (.+) \|$/gm)];
    expect(proofs.length).toBe(page.match(/^\| (?!attacker|---)/gm)?.length);
    const missing = proofs.filter(([, file, title = '']) => !read(`test/${file}.test.ts`).includes(title));
    expect(missing.map(([, file, title]) => `${file}: ${title}`)).toEqual([]);
  });
});

describe('docs/README.md', () => {
  it('links to every document', () => {
    const index = read('docs/README.md');
    const documents = listPages('docs/').filter((page) => page !== 'docs/README.md');
    expect(documents.filter((page) => !index.includes(`](${page.replace('docs/', '')})`))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('names only files that exist', () => {
    const named = [
      ...read('CONTRIBUTING.md').matchAll(/`((?:src|test|docs|schema|deploy|examples)\/[\w./-]+\.\w+)`/g),
    ];
    expect(named.length).toBeGreaterThan(10);
    const missing = named.map(([, path = '']) => path).filter((path) => !existsSync(new URL(path, root)));
    expect(missing).toEqual([]);
  });
});

describe('README.md', () => {
  const gateway = useGateway();
  const readme = read('README.md');

  it('has at most 200 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('has a tour whose query returns the data and the error that it shows', async () => {
    const [, query = ''] = /```graphql\n([^`]+)```/.exec(readme) ?? [];
    const [variables, error] = [...readme.matchAll(/```json\n([^`]+)```/g)].map(([, json = '']) =>
      JSON.parse(json),
    );
    const { body } = await gateway.gql(query, variables, { headers: { 'x-request-id': '?' } });
    expect(body.data).toEqual({
      customerEntitlementTotals: [{ ...body.data.customerEntitlementTotals[0] }, null],
    });
    expect(body.data.customerEntitlementTotals[0]).toMatchObject({
      quantity: 36_756,
      asOf: expect.any(String),
    });
    expect(body.errors).toEqual([
      {
        ...error,
        locations: expect.any(Array),
        extensions: { ...error.extensions, requestId: '?' },
      },
    ]);
  });
});

describe('every document', () => {
  it('links only to files and headings that exist', () => {
    const broken = pages.flatMap((page) => brokenLinks(page).map((target) => `${page}: ${target}`));
    expect(broken).toEqual([]);
  });

  it('names only scripts of package.json', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm (?:run (?:-s )?)?(start|test(?![:.])|(?<=run (?:-s )?)[\w:]+)/g)].map(
        ([, name = '']) => `${page}: ${name}`,
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((entry) => !(entry.replace(/^.*: /, '') in scripts))).toEqual([]);
  });
});

describe('the source code', () => {
  const files = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter((name) => {
    return name.endsWith('.ts') && !name.includes('__generated__');
  });

  it('has no file of more than 300 lines', () => {
    const lengths = files.map((name) => [name, read(`src/${name}`).trimEnd().split('\n').length] as const);
    expect(lengths.filter(([, length]) => length > 300)).toEqual([]);
  });

  it('has no mutable state at module level', () => {
    const stateful = files.filter((name) => /^(export )?(let|var) /m.test(read(`src/${name}`)));
    expect(stateful).toEqual([]);
  });
});
