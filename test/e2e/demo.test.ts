import { describe, expect, it } from '@jest/globals';
import { run } from '../support/process.ts';

async function ask(url: string, type: string, body: string): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
  return response.json();
}

describe('the demo', () => {
  it('prints a query and a curl command that both return the total', async () => {
    const demo = run(['src/cli/demo.ts', '--port', '0'], {});
    try {
      const [curl] = await demo.printed(/^curl .*$/m);
      const [query] = await demo.printed(/^\{\n(?: .*\n)*\}$/m);
      const answer = {
        data: { customerEntitlementTotal: { quantity: 36_756, asOf: expect.any(String), stale: false } },
      };
      const [, url = '', type = '', body = ''] =
        /^curl -s (\S+) -H 'content-type: (\S+)' -d '(.+)'$/.exec(curl) ?? [];
      expect(await ask(url, type, body)).toEqual(answer);
      expect(await ask(url, type, JSON.stringify({ query }))).toEqual(answer);
      const [, metrics = ''] = await demo.printed(/^Metrics: (\S+)$/m);
      expect(await (await fetch(metrics)).text()).toMatch(/^graphql_operations_total/m);
    } finally {
      demo.signal('SIGTERM');
      expect(await demo.exited).toBe(0);
    }
  });

  it('listens on another port if port 4000 is in use', async () => {
    const first = run(['src/cli/demo.ts'], {});
    await first.printed(/^curl /m);
    const second = run(['src/cli/demo.ts'], {});
    await second.printed(/^curl /m);
    for (const demo of [first, second]) {
      demo.signal('SIGTERM');
      expect(await demo.exited).toBe(0);
    }
  });
});
