import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createManifest } from '../graphql/createManifest.ts';

const options = {
  output: { type: 'string', default: 'persisted-query-manifest.json' },
  plain: { type: 'boolean', default: false },
} as const;

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const files = globSync(positionals).sort();
  if (files.length === 0) throw new Error(`No file matches ${positionals.join(' ') || 'nothing'}.`);
  const manifest = createManifest(
    files.map((file) => readFileSync(file, 'utf8')),
    values,
  );
  writeFileSync(values.output, `${JSON.stringify(manifest, undefined, 2)}\n`);
  process.stdout.write(
    `${values.output} lists ${manifest.operations.length} operations of ${files.length} files.\n`,
  );
} catch (error) {
  process.stderr.write(`The safelist cannot be created: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
