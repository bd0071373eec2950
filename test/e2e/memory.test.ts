import { describe, expect, it } from '@jest/globals';
import { run } from '../support/process.ts';

describe('a cache that a million keys went through', () => {
  it('holds as many as it may, in less than 400 MiB', async () => {
    const program = run(['test/support/fillCache.ts'], {});
    expect(await program.exited).toBe(0);
    const { kept, residentMebibytes } = JSON.parse(program.output());
    expect(kept).toBe(100_000);
    expect(residentMebibytes).toBeLessThan(400);
  }, 60_000);
});
