import { describe, expect, it } from '@jest/globals';
import { runGateway } from '../support/process.ts';

async function countModules(environment: Record<string, string>): Promise<number> {
  const program = runGateway(
    { ADMIN_PORT: '0', ...environment },
    { args: ['test/support/loadedLibraries.ts'] },
  );
  const [, count] = await program.printed(/loaded (\d+)/);
  expect(await program.exited).toBe(0);
  return Number(count);
}

describe('a gateway without REDIS_URL', () => {
  it('loads nothing of the Redis client, which a gateway with REDIS_URL loads', async () => {
    expect(await countModules({})).toBe(0);
    expect(await countModules({ REDIS_URL: 'redis://127.0.0.1:1' })).toBeGreaterThan(0);
  });
});
