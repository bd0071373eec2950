import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { customer, customerOf, entitlement, expectedQuantity } from '../support/ids.ts';

const headers = { 'x-api-key': 'any', organisation: 'any' };
const simulator = createSimulator();
let url: string;

async function ask(path: string, init: RequestInit = { headers }) {
  const response = await fetch(`${url}${path}`, init);
  return { status: response.status, body: await response.text() };
}
const pathOf = (customerId: string, query = '') =>
  `/entitlements/${entitlement}/customer/${customerId}/total${query}`;
const post = (path: string, body?: object) => ask(path, { method: 'POST', body: JSON.stringify(body) });

beforeAll(async () => {
  url = await simulator.start('127.0.0.1', 0);
});
beforeEach(() => post('/__reset'));
afterAll(() => simulator.stop());

describe('the simulator', () => {
  it('returns a quantity that depends on ids and dates only', async () => {
    for (const query of ['', '?start_date=1', '?end_date=1', '?start_date=1&end_date=2']) {
      const first = await ask(pathOf(customer, query));
      expect(first.status).toBe(200);
      expect(JSON.parse(first.body)).toEqual({ entitlement, customer, quantity: expect.any(Number) });
      expect(await ask(pathOf(customer, query))).toEqual(first);
    }
    expect(JSON.parse((await ask(pathOf(customer))).body).quantity).toBe(expectedQuantity());
    expect(JSON.parse((await ask(pathOf(customer, '?start_date=5'))).body).quantity).toBe(
      expectedQuantity({ startDate: 5 }),
    );
  });

  it.each([
    ['0400', 400],
    ['0401', 401],
    ['0403', 403],
    ['0404', 404],
    ['0422', 422],
    ['1422', 422],
    ['2422', 422],
    ['3422', 422],
    ['0429', 429],
    ['0500', 500],
    ['9500', 500],
    ['0502', 502],
    ['0503', 503],
    ['0504', 504],
    ['1429', 429],
    ['2503', 503],
    ['9401', 401],
    ['9403', 403],
    ['9404', 404],
    ['9408', 408],
    ['0200', 200],
    ['abcd', 200],
    ['d00a', 200],
  ])('responds to customer %s with status %i', async (code, status) => {
    expect((await ask(pathOf(customerOf(code)))).status).toBe(status);
  });

  it.each([
    ['0429', '1'],
    ['2503', '1'],
    ['1429', null],
    ['0503', null],
  ])('responds to customer %s with retry-after: %s', async (code, retryAfter) => {
    const response = await fetch(`${url}${pathOf(customerOf(code))}`, { headers });
    expect(response.headers.get('retry-after')).toBe(retryAfter);
  });

  it('redirects customer 9302, as a layer in front of Zenskar may', async () => {
    const response = await fetch(`${url}${pathOf(customerOf('9302'))}`, { headers, redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([
      302,
      'https://maintenance.example.com/',
    ]);
  });

  it('resets the connection of customer 8888 and never responds to customer 9999', async () => {
    await expect(ask(pathOf(customerOf('8888')))).rejects.toThrow('fetch failed');
    const signal = AbortSignal.timeout(50);
    await expect(ask(pathOf(customerOf('9999')), { headers, signal })).rejects.toThrow(/timeout/);
  });

  it('responds to customer f503 with two failures, then with totals', async () => {
    const path = pathOf(customerOf('f503'));
    const statuses = [await ask(path), await ask(path), await ask(path), await ask(path)].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([503, 503, 200, 200]);
  });

  it('responds to customer 1503 with one total, then with failures', async () => {
    const path = pathOf(customerOf('1503'));
    const statuses = [await ask(path), await ask(path), await ask(path)].map(({ status }) => status);
    expect(statuses).toEqual([200, 503, 503]);
  });

  it('rejects missing credentials, invalid parameters and unknown paths', async () => {
    expect((await ask(pathOf(customer), { headers: { organisation: 'any' } })).status).toBe(401);
    expect((await ask(pathOf(customer), { headers: { 'x-api-key': 'any' } })).status).toBe(403);
    expect((await ask(pathOf(customer, '?start_date='))).status).toBe(422);
    expect((await ask(pathOf('nope'))).status).toBe(422);
    expect((await ask('/elsewhere')).status).toBe(403);
  });

  it('reports and resets its counts, and changes the behaviour of all requests', async () => {
    await ask(pathOf(customer));
    await ask(pathOf(customer));
    await ask(pathOf(customer, '?end_date=1'));
    const perKey = { [`${entitlement}/${customer}`]: 2, [`${entitlement}/${customer}?end_date=1`]: 1 };
    expect(JSON.parse((await ask('/__stats')).body)).toEqual({ requests: 3, perKey });
    await post('/__reset');
    expect(JSON.parse((await ask('/__stats')).body)).toEqual({ requests: 0, perKey: {} });
    await post('/__behaviour', { mode: 'down' });
    expect((await ask(pathOf(customer))).status).toBe(503);
    await post('/__behaviour', { mode: 'slow', ms: 10 });
    expect((await ask(pathOf(customer))).status).toBe(200);
    await post('/__behaviour', { mode: 'ok' });
    expect((await ask(pathOf(customer))).status).toBe(200);
  });
});
