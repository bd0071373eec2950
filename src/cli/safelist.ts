import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseLimits } from '../config/config.ts';
import { createManifest } from '../graphql/createManifest.ts';

const options = {
  output: { type: 'string', default: 'persisted-query-manifest.json' },
  plain: { type: 'boolean', default: false },
} as const;

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals.length === 0) throw new Error('Name at least one file or pattern with GraphQL operations.');
  const files = globSync(positionals).sort();
  if (files.length === 0) throw new Error(`No file matches ${positionals.join(' ')}.`);
  const documents = files.map((file) => readFileSync(file, 'utf8'));
  const manifest = createManifest(documents, { plain: values.plain, limits: parseLimits(process.env) });
  writeFileSync(values.output, `${JSON.stringify(manifest, undefined, 2)}\n`);
  process.stdout.write(
    `${values.output} lists ${manifest.operations.length} operations of ${files.length} files.\n`,
  );
} catch (error) {
  process.stderr.write(`The safelist cannot be created: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
