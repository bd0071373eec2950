import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Gateway, useGateway, useReplicas } from '../support/gateway.ts';
import { customer, customerOf, entitlement, idOf, totalQuery } from '../support/ids.ts';
import { useIssuer } from '../support/issuer.ts';
import { openWire, toPost, type Wire, type WireAnswer } from '../support/wire.ts';

const wires: Wire[] = [];
afterEach(() => {
  for (const wire of wires.splice(0)) wire.end();
});

async function open({ url }: { url: string }): Promise<Wire> {
  const wire = await openWire(url);
  wires.push(wire);
  return wire;
}

function toQuestion(customerId: string, headers: Readonly<Record<string, string>> = {}): string {
  return toPost({ query: totalQuery, variables: { entitlementId: entitlement, customerId } }, headers);
}

/** The head of a request that has a body of so many bytes. */
function toHead(length: number): string {
  return `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
}

/** Node writes `Date` itself; what was not parsed has it from us. */
function isVerbatim({ head }: WireAnswer): boolean {
  return head.includes('\r\ndate: ');
}

/** Asks so often that the very bytes are known on this connection. */
async function makeKnown(wire: Wire, question: string): Promise<WireAnswer[]> {
  const answers: WireAnswer[] = [];
  for (let n = 0; n < 5; n += 1) {
    await wire.send(question);
    answers.push(...(await wire.read(1)));
  }
  expect(answers.map(isVerbatim).at(-1)).toBe(true);
  return answers;
}

/** By name; without what differs each time. */
function toHeaders({ head }: WireAnswer): Record<string, string> {
  const [, ...lines] = head.trimEnd().split('\r\n');
  const pairs = lines.map((line) => line.split(': ') as [string, string]);
  const all = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  expect(all['x-request-id']).toMatch(/./);
  expect(new Date(all.date ?? '').getTime()).toBeGreaterThan(Date.now() - 60_000);
  const { date, 'x-request-id': requestId, ...others } = all;
  return others;
}

describe('a question that comes again as the same bytes', () => {
  const gateway = useGateway({ PURGE_TOKEN: 'purge-token-0123', CORS_ORIGINS: 'https://a.example' });

  it('is answered as ever: the same headers, body, log and metrics', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer, { origin: 'https://a.example' });
    const answers = await makeKnown(wire, question);
    const [, kept, , , verbatim] = answers as [WireAnswer, WireAnswer, WireAnswer, WireAnswer, WireAnswer];
    expect(answers.map(isVerbatim)).toEqual([false, false, false, false, true]);
    expect(verbatim.body).toBe(kept.body);
    expect(verbatim.head.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
    expect(toHeaders(verbatim)).toEqual(toHeaders(kept));
    expect(toHeaders(verbatim)).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'keep-alive': 'timeout=65',
      'access-control-expose-headers': 'x-request-id,retry-after',
      vary: 'Origin, accept',
    });
    const lines = gateway.log.filter(({ msg }) => msg === 'operationEnded');
    expect(lines.map(({ responseCache }) => responseCache)).toEqual(['miss', 'hit', 'hit', 'hit', 'hit']);
    expect(Object.keys(lines[4] ?? {})).toEqual(Object.keys(lines[2] ?? {}));
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(5);
    expect(gateway.simulator.requests).toBe(1);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^response_cache_total\{result="hit"\} 4$/m);
    expect(metrics).toMatch(/^gateway_http_requests_total\{status="200"\} 5$/m);
  });

  it('has its own request id echoed', async () => {
    const wire = await open(gateway);
    const answers = await makeKnown(wire, toQuestion(customer, { 'x-request-id': 'mine' }));
    expect(answers.map(({ head }) => /x-request-id: (.*)\r/i.exec(head)?.[1])).toEqual(Array(5).fill('mine'));
  });

  it('is asked anew once the answer is too old, or purged', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer);
    await makeKnown(wire, question);
    gateway.advance(30_000);
    await wire.send(question);
    const [stale] = (await wire.read(1)) as [WireAnswer];
    expect(isVerbatim(stale)).toBe(false);
    expect(toHeaders(stale)).toMatchObject({ 'cache-control': 'no-store' });
    const headers = { authorization: 'Bearer purge-token-0123', 'content-type': 'application/json' };
    const body = JSON.stringify({ customerId: customer });
    await fetch(`${gateway.adminUrl}/purge`, { method: 'POST', headers, body });
    const before = gateway.simulator.requests;
    await wire.send(question);
    expect((await wire.read(1)).map(isVerbatim)).toEqual([false]);
    expect(gateway.simulator.requests).toBe(before + 1);
  });

  it('stays known, however many others come that never come again', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer);
    await makeKnown(wire, question);
    for (let n = 0; n < 1100; n += 100) {
      const others = Array.from({ length: 100 }, (_, m) =>
        toQuestion(customer, {
          traceparent: `00-${String(n + m + 1).padStart(32, '0')}-00f067aa0ba902b7-00`,
        }),
      );
      const other = await open(gateway);
      await other.send(...others);
      await other.read(100);
      other.end();
    }
    await wire.send(question);
    expect((await wire.read(1)).map(isVerbatim)).toEqual([true]);
  });

  it('is not taken for one where it is the body of another, however its bytes arrive', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer);
    await makeKnown(wire, question);
    await wire.send(toHead(question.length), question);
    const [refused] = (await wire.read(1)) as [WireAnswer];
    expect(refused.head).toMatch(/^HTTP\/1\.1 400 /);
    // The same inside a header that goes on.
    await wire.send(`POST /graphql HTTP/1.1\r\nhost: x\r\nx-rest: `, question);
    const [outer] = (await wire.read(1)) as [WireAnswer];
    expect(isVerbatim(outer)).toBe(false);
    await wire.send(question);
    expect((await wire.read(1)).map(({ body }) => body)).toEqual([outer.body]);
  });

  it('is not taken for one where the beginning of another came with the request before', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer);
    await makeKnown(wire, question);
    const head = toHead(question.length);
    for (const before of [question + head, `${question}\r\n`]) {
      await wire.send(before, question);
      const [first, second] = (await wire.read(2)) as [WireAnswer, WireAnswer];
      expect(first.head).toMatch(/^HTTP\/1\.1 200 /);
      expect(second.head).toMatch(before.endsWith(head) ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 200 /);
    }
  });

  it('waits for the answers before its own', async () => {
    const wire = await open(gateway);
    const question = toQuestion(customer);
    await makeKnown(wire, question);
    const slow = ['d0c8', 'd190'].map((code) => toQuestion(customerOf(code)));
    const [one = '', other = ''] = slow;
    // The same bytes twice while a third waits; and once more while a slow one is under way behind those that are answered.
    await wire.send(one, question, question, other);
    const answers = await wire.read(3);
    await wire.send(question);
    answers.push(...(await wire.read(2)));
    const known = (await makeKnown(wire, question)).at(-1)?.body;
    expect(answers.map(({ body }) => body === known)).toEqual([false, true, true, false, true]);
  });

  it.each([
    ['connection: close', { connection: 'close' }],
    ['an expectation', { expect: '100-continue' }],
  ])('goes the usual way with %s', async (_, headers) => {
    const known = await open(gateway);
    await makeKnown(known, toQuestion(customer));
    for (let n = 0; n < 4; n += 1) {
      const wire = await open(gateway);
      await makeKnown(wire, toQuestion(customer));
      await wire.send(toQuestion(customer, headers));
      const [answer] = (await wire.read(1)) as [WireAnswer];
      expect(isVerbatim(answer)).toBe(false);
    }
  });

  it('has its answer in its place, whatever is sent before and behind it in whatever pieces', async () => {
    const customers = [customer, ...[1, 2, 3].map(idOf), customerOf('0404')];
    const plain = await Promise.all(
      customers.map(async (customerId) => {
        const { body } = await gateway.gql(totalQuery, { entitlementId: entitlement, customerId });
        return body.data.customerEntitlementTotal?.quantity ?? null;
      }),
    );
    let verbatim = 0;
    const step = fc.record({
      who: fc.nat(customers.length - 1),
      // Where its bytes are cut, and whether its answer is awaited before the next is sent.
      cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 }),
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        const wire = await open(gateway);
        let unread = 0;
        const answers: WireAnswer[] = [];
        for (const { who, cuts, waits } of steps) {
          const question = toQuestion(customers[who] as string);
          const places = cuts.map((cut) => Math.floor(cut * question.length)).toSorted((a, b) => a - b);
          const bounds = [0, ...places, question.length];
          await wire.send(...places.concat(question.length).map((end, n) => question.slice(bounds[n], end)));
          unread += 1;
          if (waits) answers.push(...(await wire.read(unread)));
          if (waits) unread = 0;
        }
        answers.push(...(await wire.read(unread)));
        wire.end();
        verbatim += answers.filter(isVerbatim).length;
        const quantities = answers.map(
          ({ body }) => JSON.parse(body).data.customerEntitlementTotal?.quantity ?? null,
        );
        expect(quantities).toEqual(steps.map(({ who }) => plain[who]));
      }),
      { numRuns: 60 },
    );
    expect(verbatim).toBeGreaterThan(100);
  });
});

describe('a question that comes again as the same bytes, with a token', () => {
  const issuer = useIssuer();
  const [gateway] = useReplicas(1, issuer.environment) as [Gateway];

  it('is refused once the token has expired, however well it is known', async () => {
    const token = await issuer.sign(gateway.now(), { claims: { customer_id: customer } });
    const question = toQuestion(customer, { authorization: `Bearer ${token}` });
    const wire = await open(gateway);
    await makeKnown(wire, question);
    gateway.advance(700_000);
    await wire.send(question);
    const [answer] = (await wire.read(1)) as [WireAnswer];
    expect(answer.head).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer.body).toContain('"code":"UNAUTHENTICATED"');
  });

  it('is another question with another token', async () => {
    const signed = (customerId: string) =>
      issuer.sign(gateway.now(), { claims: { customer_id: customerId } });
    const wire = await open(gateway);
    await makeKnown(wire, toQuestion(customer, { authorization: `Bearer ${await signed(customer)}` }));
    await wire.send(toQuestion(customer, { authorization: `Bearer ${await signed(idOf(1))}` }));
    const [answer] = (await wire.read(1)) as [WireAnswer];
    expect(answer.body).toContain('"code":"FORBIDDEN"');
  });
});
