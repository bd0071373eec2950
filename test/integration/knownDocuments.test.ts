import { describe, expect, it } from '@jest/globals';
import { useGateway } from '../support/gateway.ts';
import { customer, entitlement } from '../support/ids.ts';

const unlimited = useGateway({});
const limited = useGateway({ RATE_LIMIT_PER_MINUTE: '60' });
const query = `query Own($date: Int) {
  a: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}", startDate: $date) { quantity }
  b: customerEntitlementTotal(entitlementId: "${entitlement}", customerId: "${customer}", endDate: $date) { quantity }
}`;

async function ask(
  gateway: typeof limited,
  text: string,
  { accept, date }: { accept?: string; date: number },
) {
  const response = await gateway.fetch(`/graphql?n=${Math.random()}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'r', ...(accept && { accept }) },
    body: JSON.stringify({ query: text, variables: { date } }),
  });
  const { status, headers } = response;
  const responseHeaders = [...headers].filter(([name]) => name !== 'date' && name !== 'cache-control');
  return { status, responseHeaders, body: await response.text() };
}

describe('a repeated operation', () => {
  it.each([
    '*/*',
    'application/json',
    'application/graphql-response+json',
    'application/graphql-response+json, application/json;q=0.9',
    'multipart/mixed, application/json',
    'text/plain',
  ])('gets the same response each time with the accept header %s', async (accept) => {
    const text = `${query} #${accept}`;
    const firstResponse = await ask(unlimited, text, { accept, date: 5 });
    for (let n = 0; n < 4; n += 1)
      expect(await ask(unlimited, text, { accept, date: 5 })).toEqual(firstResponse);
    expect(firstResponse.status).toBe(accept === 'text/plain' ? 406 : 200);
  });

  it('is not cached if the client accepts no JSON, and gets HTTP 406 with its own request id', async () => {
    for (const requestId of ['first', 'second']) {
      const response = await unlimited.fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': requestId, accept: 'text/plain' },
        body: JSON.stringify({ query: `${query} # 406`, variables: { date: 5 } }),
      });
      expect([response.status, response.headers.get('cache-control')]).toEqual([406, 'no-store']);
      expect(JSON.parse(await response.text()).errors[0].extensions.requestId).toBe(requestId);
    }
  });

  it('consumes its points once per request, also if its variables are rejected', async () => {
    for (let n = 0; n < 4; n += 1) expect((await ask(limited, query, { date: 5 })).body).toMatch(/"data"/);
    const codes: string[] = [];
    for (let n = 0; n < 28; n += 1) {
      const { errors } = JSON.parse((await ask(limited, query, { date: 1.5 })).body);
      codes.push(errors[0].extensions.code);
    }
    // The first four requests consumed 8 of 60 points. The other 52 are enough for 26 requests.
    expect(codes.slice(0, 26)).toEqual(Array(26).fill('BAD_USER_INPUT'));
    expect(codes.slice(26)).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
  });
});
