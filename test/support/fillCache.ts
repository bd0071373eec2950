import { createMemory } from '../../src/totals/memory.ts';
import { createPurges } from '../../src/totals/purges.ts';
import { toTotalKey } from '../../src/totals/total.ts';
import { idOf } from './ids.ts';
import { tenantOf } from './totals.ts';

// A separate process, so that its memory can be measured.
const purges = createPurges();
const memory = createMemory(100_000, purges);
const { scope } = tenantOf('one');
/** As parsed from a request, with a string of its own. */
const read = (id: string): string => JSON.parse(JSON.stringify(id));
const keyOf = (n: number) =>
  toTotalKey(scope, {
    entitlementId: read(idOf(n)),
    customerId: read(idOf(n + 1)),
    startDate: n,
    endDate: null,
  });

for (let n = 0; n < 1_000_000; n += 1)
  memory.set(
    keyOf(n),
    { quantity: n, asOfMs: n, receivedAtMs: n },
    { epoch: purges.currentEpoch(), version: undefined },
  );
let kept = 0;
for (let n = 0; n < 1_000_000; n += 1) if (memory.get(keyOf(n)) !== undefined) kept += 1;
process.stdout.write(JSON.stringify({ kept, residentMebibytes: process.memoryUsage().rss / 1_048_576 }));
