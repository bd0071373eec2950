import { readFileSync, writeFileSync } from 'node:fs';
import { toCapacityTable } from './checks/capacity.ts';

// Updates the capacity table of docs/operations.md with the figures of docs/performance.md.
const documents = new URL('../docs/', import.meta.url);
const operations = new URL('operations.md', documents);
const table = toCapacityTable(readFileSync(new URL('performance.md', documents), 'utf8'));
const text = readFileSync(operations, 'utf8');
writeFileSync(operations, text.replace(/(?<=<!-- capacity -->\n\n)(\|.*\n)+/, `${table}\n`));
