import { connect } from 'node:net';
import { expect } from '@jest/globals';
import { parse } from 'graphql';
import type { Gateway } from './gateway.ts';

/** The response to an attack. `code` is that of the first error. */
export type Outcome = { status: number; code: string | undefined; body: string; headers: Headers };

/** The CPU time that a hostile request may take on a processor of usual speed. */
const usualLimitMs = 50;
/** The CPU time that parsing the longest allowed document takes on such a processor. */
const usualParseMs = 0.5;
const maxTries = 10;

function spentMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The limit on this machine, scaled by its speed. */
const limitMs = usualLimitMs * Math.max(1, quickestParseMs() / usualParseMs);

function quickestParseMs(): number {
  const text = `{ ${Array.from({ length: 1300 }, (_, n) => `a${n}: __typename`).join(' ')} }`;
  const times = Array.from({ length: 4 * maxTries }, () => {
    const before = process.cpuUsage();
    parse(text);
    return spentMs(before);
  });
  return Math.min(...times);
}

/** Posts this body, which need not be JSON. */
export async function post(
  gateway: Gateway,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Outcome> {
  const init = { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } };
  return toOutcome(await gateway.fetch('/graphql', init));
}

export async function toOutcome(response: Response): Promise<Outcome> {
  const { status, headers } = response;
  const body = await response.text();
  return { status, code: codeOf(body), body, headers };
}

function codeOf(body: string): string | undefined {
  try {
    return JSON.parse(body).errors?.[0]?.extensions?.code;
  } catch {
    return undefined;
  }
}

/** Sends these bytes unchanged; resolves to what the gateway sent until the connection closed. */
export async function sendRaw(gateway: Gateway, bytes: string | Uint8Array): Promise<Outcome> {
  const { hostname, port } = new URL(gateway.url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.once('close', () => resolve(text));
  socket.once('error', reject);
  return parseRaw(await promise);
}

function parseRaw(text: string): Outcome {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/).slice(0, 2) as [string, string]));
  return { status: Number(first.split(' ')[1]), code: codeOf(body), body, headers };
}

/**
 * Sends an attack and expects that it took little CPU time and that the gateway still answers. The CPU time includes
 * the client. The quickest of several tries counts, because other tests may run on the same machine.
 */
export async function survive(gateway: Gateway, attack: () => Promise<Outcome>): Promise<Outcome> {
  let quickestMs = Number.POSITIVE_INFINITY;
  let outcome: Outcome | undefined;
  for (let n = 0; n < maxTries && quickestMs >= limitMs; n += 1) {
    const before = process.cpuUsage();
    outcome = await attack();
    quickestMs = Math.min(quickestMs, spentMs(before));
  }
  expect(quickestMs).toBeLessThan(limitMs);
  expect((await gateway.fetch('/livez')).status).toBe(200);
  if (outcome === undefined) throw new Error('Nothing was sent.');
  return outcome;
}
