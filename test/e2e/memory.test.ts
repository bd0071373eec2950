import { describe, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { customer, idOf } from '../support/ids.ts';
import { residentMebibytes, run, runGateway } from '../support/process.ts';

describe('the resident memory', () => {
  it('of the memory cache stays under 400 MiB after a million entries, of which it keeps 100,000', async () => {
    // The same V8 flag as in main.ts.
    const program = run(['--heap-growing-percent=75', 'test/support/fillCache.ts'], {});
    expect(await program.exited).toBe(0);
    const { kept, residentMebibytes } = JSON.parse(program.output());
    expect(kept).toBe(100_000);
    expect(residentMebibytes).toBeLessThan(400);
  }, 60_000);

  // Measured: 305 MiB after 40,000 cold totals and 335 after 120,000; 540 without the V8 flag.
  it('of a gateway stays under 400 MiB under a load of cold totals', async () => {
    const simulator = createSimulator();
    const gateway = runGateway({ ZENSKAR_URL: await simulator.start('127.0.0.1', 0) });
    const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
    const query = `query ($requests: [CustomerEntitlementTotalRequest!]!) {
      customerEntitlementTotals(requests: $requests) { quantity }
    }`;
    try {
      for (let thousand = 0; thousand < 30; thousand += 1) {
        const requests = Array.from({ length: 1000 }, (_, n) => ({
          entitlementId: idOf(thousand * 1000 + n),
          customerId: customer,
        }));
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query, variables: { requests } }),
        });
        expect(response.status).toBe(200);
      }
      expect(residentMebibytes(gateway.pid)).toBeLessThan(400);
    } finally {
      gateway.signal('SIGTERM');
      await gateway.exited;
      await simulator.stop();
    }
  }, 120_000);

  // Measured: 270 MiB; 440 with Apollo Server's default document store.
  it('of a gateway stays under 340 MiB if every operation has a new document', async () => {
    const gateway = runGateway({});
    const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
    const field = `_service { ${'__typename '.repeat(14)} }`;
    const fields = Array.from({ length: 90 }, (_, n) => `a${n}: ${field}`).join(' ');
    try {
      for (let n = 0; n < 600; n += 1) {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          // Every second document has 174,000 characters of comments, which are tokens as well.
          body: JSON.stringify({
            query: n % 2 === 0 ? `{ ${fields} } #${n}` : `{ a${n}: __typename }${'#\n'.repeat(87_000)}`,
          }),
        });
        expect(response.status).toBe(200);
      }
      expect(residentMebibytes(gateway.pid)).toBeLessThan(340);
    } finally {
      gateway.signal('SIGTERM');
      await gateway.exited;
    }
  }, 120_000);
});
