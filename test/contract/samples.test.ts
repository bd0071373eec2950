import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { errorCodes } from '../../src/errors.ts';
import { startWith, useGateway } from '../support/gateway.ts';

const execute = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'samples-'));
const manifest = 'examples/web/persisted-query-manifest.json';

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'examples')).map((name) => `examples/${name}/README.md`),
];
const blocks = pages.flatMap((page) =>
  [...read(page).matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(([, language = '', text = '']) => ({
    page,
    language,
    text,
  })),
);
/** The code blocks in this language, each with the block after it. */
function samples(language: string) {
  return blocks.flatMap((block, n) =>
    block.language === language ? [{ ...block, next: blocks[n + 1] }] : [],
  );
}

/** Commands that run in another test or in CI: pattern, file, and text that must be in the file. */
const coveredElsewhere: readonly [RegExp, string, string][] = [
  [/^npm ci && npm run demo\b(?!:)/, '.ci/run', "try_demo demo '"],
  [/^npm ci && npm run demo:federation/, '.ci/run', 'try_demo demo:federation'],
  [/^npm run demo:web/, '.ci/run', 'try_demo demo:web '],
  [/^npm ci && npm test/, '.ci/run', '\nnpm test'],
  [/^ZENSKAR_API_KEY=… ZENSKAR_ORGANISATION=… npm start/, 'test/support/process.ts', 'src/main.ts'],
  // The options are read by the same program.
  [/^npm run bench\b/, '.ci/run', 'npm run bench -- --smoke'],
  [/^npm run dev --prefix examples\/web/, 'examples/web/package.json', '"dev": "vite'],
  [/^npm run codegen --prefix examples\/web/, 'package.json', 'examples/web/codegen.yml --check'],
  [/^npm run doctor/, 'test/e2e/doctor.test.ts', 'docs/troubleshooting.md'],
  [/^docker (build|run)/, 'test/e2e/dockerfile.test.ts', 'Dockerfile'],
];
/** Blocks that need a container engine or a cluster. `npm run check` checks the files that they read. */
const notRunnable = /docker compose|kubectl|kind: PrometheusRule/;

describe('the code samples of the documents', () => {
  const gateway = useGateway({ GRAPHQL_INTROSPECTION: 'true', PURGE_TOKEN: 'a-token-for-purges-0123456789' });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Replaces the default ports by those of the test gateway. */
  const redirect = (text: string, url = gateway.url) =>
    text
      .replaceAll('http://localhost:4000', url)
      .replaceAll('localhost:4000', new URL(url).host)
      .replaceAll('localhost:4001', new URL(gateway.adminUrl).host);

  async function printedBy(program: string, args: readonly string[]): Promise<string> {
    // biome-ignore lint/style/noProcessEnv: programs are found through the PATH of the tests
    const env = { PATH: process.env.PATH, TZ: 'Europe/London', PURGE_TOKEN: 'a-token-for-purges-0123456789' };
    const { stdout } = await execute(program, args, { cwd: root, env });
    return stdout;
  }

  it.each(samples('js'))('in JavaScript in $page print the text block below them', async ({ text, next }) => {
    const safelisted = text.includes('documentId')
      ? await startWith({ GRAPHQL_SAFELIST: manifest })
      : undefined;
    const code = redirect(text, safelisted?.url);
    const printed = await printedBy(process.execPath, ['--input-type=module', '--eval', code]);
    await safelisted?.stop();
    expect(printed).toBe(next?.text);
  });

  it('for a shell succeed, or are covered by another test', async () => {
    const runnable = samples('sh').filter(({ text }) => !notRunnable.test(text));
    const commands = runnable.flatMap(({ text }) => text.replaceAll('\\\n', '').trim().split(/\n\s*/));
    const inline = pages.flatMap((page) =>
      [...read(page).matchAll(/`(curl [^`]*localhost[^`]*)`/g)].map(([, command = '']) => command),
    );
    for (const command of [...commands, ...inline]) {
      const coverage = coveredElsewhere.find(([pattern]) => pattern.test(command));
      if (coverage !== undefined) expect(read(coverage[1])).toContain(coverage[2]);
      else if (command.startsWith('curl '))
        expect(await printedBy('sh', ['-c', redirect(`${command} --fail`)])).not.toMatch(/"errors"/);
      else expect(command).toMatch(/^npm run safelist -- '(.+)' --output (\S+)$/);
    }
    expect(commands.length + inline.length).toBeGreaterThan(10);
  });

  it('with npm run safelist create the manifest of examples/web', async () => {
    const made = join(folder, 'manifest.json');
    await printedBy(process.execPath, [
      'src/cli/safelist.ts',
      'examples/web/src/**/*.graphql',
      '--output',
      made,
    ]);
    expect(readFileSync(made, 'utf8')).toBe(read(manifest));
  });

  it('of codegen.yml create TypeScript types with nullable quantities', async () => {
    const [recipe] = samples('yaml');
    const made = join(folder, 'types');
    const text = redirect(recipe?.text ?? '')
      .replace('src/**/*.graphql', 'examples/web/src/**/*.graphql')
      .replace('src/__generated__/', `${made}/`);
    writeFileSync(join(folder, 'codegen.yml'), text);
    const program = join(root, 'node_modules/@graphql-codegen/cli/esm/bin.js');
    await printedBy(process.execPath, [program, '--config', join(folder, 'codegen.yml')]);
    const types = readFileSync(join(made, 'graphql.ts'), 'utf8');
    expect(types).toMatch(/quantity: number \| null/);
    expect(types).toMatch(/asOf: string/);
  });

  it('are only in languages that a test covers', () => {
    const languages = new Set(blocks.map(({ language }) => language));
    // GraphQL and JSON: documents.test.ts and schema.test.ts. TypeScript: clients.test.ts. Text: output of programs, and the diagram of the README.
    expect([...languages].sort()).toEqual(['graphql', 'js', 'json', 'sh', 'text', 'ts', 'yaml']);
  });
});

describe('docs/frontends.md', () => {
  it('has a table row for every error code', () => {
    const [, rows = ''] = read('docs/frontends.md').split(
      '| `extensions.code` | tell the user | then |\n|---|---|---|\n',
    );
    const codes = [...rows.matchAll(/^\| `(\w+)` \| .+ \| .+ \|$/gm)].map(([, code]) => code);
    expect(codes).toEqual(Object.keys(errorCodes));
  });
});
