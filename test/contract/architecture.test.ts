import { execFileSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/architecture.md');
const sources = globSync('**/*.ts', { cwd: new URL('src/', root), exclude: ['**/__generated__/**'] });

/** The files of src/ whose text matches. */
const filesWith = (pattern: RegExp) => sources.filter((file) => pattern.test(read(`src/${file}`))).sort();

describe('the architecture', () => {
  it('has one file that consumes points of the rate limiter', () => {
    expect(filesWith(/\brateLimiter\.consume\(/)).toEqual(['pipeline.ts']);
    // The engine has no rate limiter; it calls the function that the pipeline passes.
    expect(filesWith(/\bconsume\?\.\(/)).toEqual(['graphql/engine.ts', 'pipeline.ts']);
  });

  it('has one file that emits the operation event', () => {
    expect(filesWith(/type: 'operationEnded',/)).toEqual(['pipeline.ts']);
  });

  it('has one file for each form of an error that clients get', () => {
    expect(filesWith(/\btoExtensions\(error, requestId\)/)).toEqual([
      'graphql/formatError.ts',
      'http/errorResponse.ts',
    ]);
  });

  it('has two routes to a GraphQL response: the response cache and the engine', () => {
    expect(filesWith(/\bresponses\.get\(/)).toEqual(['pipeline.ts']);
    expect(filesWith(/\bengine\.answer\(/)).toEqual(['graphql/apollo.ts', 'graphql/server.ts']);
  });
});

describe('docs/architecture.md', () => {
  it('lists every folder and file of src/, and no other', () => {
    const entries = readdirSync(new URL('src/', root), { withFileTypes: true });
    const present = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    const [tree = ''] = /^main\.ts {8}[^`]+/m.exec(page) ?? [];
    const listed = [...tree.matchAll(/^([a-z]+\/|[a-z]+\.ts) /gim)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(present));
  });

  it('lists the files that a cold total passes, and no other', () => {
    const [, section = ''] = page.split('## Files of a cold total');
    const [, listed = ''] = /```text\n([^`]+)\n```/.exec(section) ?? [];
    const script = new URL('test/support/coldPath.ts', root).pathname;
    const passed = execFileSync(process.execPath, [script], { encoding: 'utf8' });
    expect(listed.split(/\s+/).sort()).toEqual(passed.trim().split('\n'));
  });

  it('names only files that are there', () => {
    const named = [...page.matchAll(/`?([a-zA-Z/]+\.ts)\b/g)].map(([, file = '']) =>
      file.replace(/^src\//, ''),
    );
    expect(
      named.filter((file) => !sources.some((source) => source === file || source.endsWith(`/${file}`))),
    ).toEqual([]);
  });
});
