import { readFileSync, writeFileSync } from 'node:fs';
import { toCapacityTable } from './checks/capacity.ts';

// Brings the capacity table of docs/operations.md up to date with what was measured last.
const documents = new URL('../docs/', import.meta.url);
const operations = new URL('operations.md', documents);
const table = toCapacityTable(readFileSync(new URL('performance.md', documents), 'utf8'));
const text = readFileSync(operations, 'utf8');
writeFileSync(operations, text.replace(/(?<=<!-- capacity -->\n\n)(\|.*\n)+/, `${table}\n`));
