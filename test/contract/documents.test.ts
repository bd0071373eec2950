import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { requiredVariables, secretVariables, variables } from '../../src/config/variables.ts';
import { errorCodes } from '../../src/errors.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { useGateway } from '../support/gateway.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const readme = read('README.md');

/** The rows of the README's table under this header. */
function rowsUnder(header: string): string[] {
  const [, rest = ''] = readme.split(`${header}\n|---|---|---|\n`);
  return rest.split('\n\n')[0]?.split('\n') ?? [];
}

/** When a variable is required, in words; empty where it never is. */
function requirementOf(variable: string): string {
  const modes = Object.entries(requiredVariables);
  const requiring = modes
    .filter(([, names]) => names.some((name) => name === variable))
    .map(([mode]) => mode);
  const sparing = modes.filter(([mode]) => !requiring.includes(mode)).map(([mode]) => mode);
  if (requiring.length === 0) return '';
  return requiring.length > sparing.length
    ? `required, save with \`AUTH_MODE=${sparing}\``
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

describe('the documents', () => {
  const gateway = useGateway();

  it('have every variable with its default and meaning', () => {
    expect(rowsUnder('| variable | default | meaning |')).toEqual(
      settings.map(({ name, required, fallback, meaning }) => {
        return `| \`${name}\` | ${required || fallback || 'none'} | ${meaning} |`;
      }),
    );
    for (const name of secretVariables) expect(readme).toContain(`\`${name}_FILE\``);
  });

  it('have an example of the environment with the same', () => {
    const blocks = settings.map(({ name, required, fallback, meaning }) => {
      return `# ${meaning}\n${required.startsWith('required, ') ? '' : '#'}${name}=${fallback}\n`;
    });
    expect(read('.env.example')).toBe(blocks.join('\n'));
  });

  it('have every error code with its meaning', () => {
    expect(rowsUnder('| code | retryable | when |')).toEqual(
      Object.entries(errorCodes).map(
        ([code, { retryable, when }]) => `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${when} |`,
      ),
    );
  });

  it('have every metric with its kind and meaning', async () => {
    const metrics = createMetrics({
      config: { GRAPHQL_SAFELIST: undefined, UPSTREAM_BREAKER_RESET_MS: 1 },
      now: Date.now,
    });
    metrics.count({ type: 'redisChanged', state: 'up', reason: undefined });
    const { body } = await metrics.read();
    const kinds = new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind]));
    const own = [...body.matchAll(/^# HELP (\S+) (.*)$/gm)].filter(
      ([, name]) => !/^(process|nodejs)_/.test(`${name}`),
    );
    expect(rowsUnder('| metric | kind | meaning |')).toEqual(
      own.map(([, name, help]) => `| \`${name}\` | ${kinds.get(name)} | ${help} |`),
    );
    expect(own.length).toBeGreaterThan(15);
  });

  it('draw the tree that src/ is', () => {
    const entries = readdirSync(new URL('src/', root), { withFileTypes: true });
    const named = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    expect(named.filter((name) => !readme.includes(name))).toEqual([]);
    const [tree = ''] = /^main\.ts {8}[^`]+/m.exec(readme) ?? [];
    const drawn = [...tree.matchAll(/([a-z]+\/|[a-z]+\.ts)/gi)].map(([name]) => name.replace('/', ''));
    const names = new Set(entries.map(({ name }) => name));
    expect(drawn.filter((name) => !names.has(name))).toEqual([]);
  });

  it('prove the threat model by tests that there are', () => {
    const proofs = [...read('docs/security.md').matchAll(/\| `([a-z0-9]+\/[a-zA-Z/]+)`: (.+) \|$/gm)];
    expect(proofs.length).toBe(read('docs/security.md').match(/^\| (?!who,)/gm)?.length);
    const missing = proofs.filter(([, file, title = '']) => !read(`test/${file}.test.ts`).includes(title));
    expect(missing.map(([, file, title]) => `${file}: ${title}`)).toEqual([]);
  });

  it('name only scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...readme.matchAll(/npm (?:run )?(start|test(?!:)|(?<=run )[\w:]+)/g)].map(
      ([, name]) => name ?? '',
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('have a tour that goes as written', async () => {
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

describe('the source', () => {
  const files = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter((name) => {
    return name.endsWith('.ts') && !name.includes('__generated__');
  });

  it('has no file over 300 lines, nor app.ts over 120', () => {
    const lengths = files.map((name) => [name, read(`src/${name}`).trimEnd().split('\n').length] as const);
    expect(lengths.filter(([name, length]) => length > (name === 'app.ts' ? 120 : 300))).toEqual([]);
  });

  it('has no state at module level', () => {
    const stateful = files.filter((name) => /^(export )?(let|var) /m.test(read(`src/${name}`)));
    expect(stateful).toEqual([]);
  });
});
