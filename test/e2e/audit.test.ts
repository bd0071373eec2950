import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../support/freePort.ts';
import { useGateway } from '../support/gateway.ts';
import { run } from '../support/process.ts';

async function runAudit(...args: string[]) {
  const audit = run(['tools/audit/main.ts', ...args], {});
  return { exitCode: await audit.exited, output: audit.output() };
}

describe('npm run audit', () => {
  const gateway = useGateway({ AUTH_MODE: 'router', ROUTER_SECRET: 'router-secret-of-the-audit' });
  const other = createServer((_, response) => void response.end('OK'));
  beforeAll(async () => {
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void other.close());

  it('prints each rule with its verdict and exits with 0 if no rule of strength MUST fails', async () => {
    const credentials = ['--header', 'X-Router-Secret: router-secret-of-the-audit'];
    const { exitCode, output } = await runAudit(`${gateway.url}/graphql`, ...credentials);
    expect(output).toMatch(
      /^holds {10}MUST {3}application\/json {18}post: A POST with a JSON body is answered/m,
    );
    expect(output).toMatch(/^not applicable SHOULD .+ status-timeout: .+\n {15}No time to wait is given\.$/m);
    expect(output).toMatch(/\n\nholds: \d+, fails: \d+, not used: \d+, not applicable: \d+\n$/);
    expect(exitCode).toBe(0);
  });

  it('prints only the rules that fail with --failures and exits with 1 if one of them has the strength MUST', async () => {
    const { port } = other.address() as AddressInfo;
    const { exitCode, output } = await runAudit(`http://127.0.0.1:${port}/graphql`, '--failures');
    expect(output).toMatch(
      /^fails {10}MUST .+ post: .+\n {15}POST \{"query":"\{ __typename \}"\}: status 200, /m,
    );
    expect(output).not.toMatch(/^(holds|not)\b.+ MUST/m);
    expect(exitCode).toBe(1);
  });

  it.each([
    ['no URL', [], /^Expected one URL/],
    ['a URL of another scheme', ['ftp://127.0.0.1/'], /^Expected one URL/],
    ['an unknown option', ['http://127.0.0.1/', '--fast'], /^Unknown option '--fast'/],
    [
      'a header without a name',
      ['http://127.0.0.1/', '--header', 'secret'],
      /^Expected --header in the form/,
    ],
    [
      'a header with bytes that HTTP forbids',
      ['http://127.0.0.1/', '--header', 'a: …'],
      /^Invalid character in header/,
    ],
    ['a time that is no number', ['http://127.0.0.1/', '--wait', 'long'], /^Expected a number of seconds/],
  ])('exits with 64 and prints its usage if it gets %s', async (_, args, problem) => {
    const { exitCode, output } = await runAudit(...args);
    expect(output).toMatch(problem);
    expect(output).toContain('npm run audit -- URL');
    expect(exitCode).toBe(64);
  });

  it('exits with 69 and one message if the server does not answer', async () => {
    const { exitCode, output } = await runAudit(`http://127.0.0.1:${await findFreePort()}/graphql`);
    expect(output).toMatch(/^The server does not answer\. .*ECONNREFUSED.*\n$/);
    expect(exitCode).toBe(69);
  });

  it('prints its usage with --help', async () => {
    const { exitCode, output } = await runAudit('--help');
    expect(output).toMatch(/^Checks a server against GraphQL over HTTP/);
    expect(exitCode).toBe(0);
  });
});
