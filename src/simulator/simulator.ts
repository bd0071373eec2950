import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Behaviour,
  checkCredentials,
  checkParameters,
  chooseBehaviour,
  customerOf,
  json,
  type SimulatedAnswer,
  type SimulatedRequest,
  unavailable,
} from './behaviours.ts';

type SimulatorStats = {
  requests: number;
  /** Requests per total, by `entitlement/customer` and the query where there is one. */
  perKey: Readonly<Record<string, number>>;
};

/** Changes all answers: as usual, 503 for each, each so much later, each a reset, each as for one customer, or 429 beyond a rate. */
type OverallBehaviour =
  | { mode: 'ok' }
  | { mode: 'down' }
  | { mode: 'slow'; ms: number }
  | { mode: 'reset' }
  | { mode: 'as'; code: string }
  | { mode: 'limited'; callsPerSecond: number };

export type Simulator = {
  /** Listens; resolves to the base URL. */
  start: (host: string, port: number) => Promise<string>;
  stop: () => Promise<void>;
  state: SimulatorState;
};

/** What was seen since the last reset, and how it behaves. */
export type SimulatorState = {
  requests: number;
  /** Of the latest requests. */
  requestHeaders: IncomingMessage['headers'][];
  perKey: Map<string, number>;
  /** Requests that the caller gave up before they were answered. */
  aborted: number;
  /** Requests under way now, and the most there were at once. */
  underWay: number;
  peak: number;
  overall: OverallBehaviour;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Requests of each second, by its number since the epoch. */
  perSecond: Map<number, number>;
};

const maxHeaders = 100;
const totalPath = /^\/entitlements\/([^/]+)\/customer\/([^/]+)\/total$/;

/** A stand-in for Zenskar with numbers that can be foretold and failures that can be asked for. */
export function createSimulator(now = Date.now): Simulator {
  const state: SimulatorState = { ...emptyCounts(), now, underWay: 0, overall: { mode: 'ok' } };
  const server = createServer((request, response) => {
    state.underWay += 1;
    state.peak = Math.max(state.peak, state.underWay);
    response.once('close', () => {
      state.underWay -= 1;
      if (!response.writableFinished) state.aborted += 1;
    });
    handle(state, request, response).catch(() => response.destroy());
  });

  async function start(host: string, port: number): Promise<string> {
    server.listen(port, host);
    await once(server, 'listening');
    return `http://${host}:${(server.address() as AddressInfo).port}`;
  }

  async function stop(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
  return { start, stop, state };
}

async function handle(
  state: SimulatorState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, search, searchParams } = new URL(request.url ?? '', 'http://simulator');
  const [, entitlementId, customerId] = totalPath.exec(pathname) ?? [];
  if (entitlementId === undefined || customerId === undefined) {
    return send(response, await control(state, request, pathname));
  }
  const key = `${entitlementId}/${customerId}${search}`;
  const earlierRequests = state.perKey.get(key) ?? 0;
  state.perKey.set(key, earlierRequests + 1);
  state.requests += 1;
  const second = Math.floor(state.now() / 1000);
  state.perSecond.set(second, (state.perSecond.get(second) ?? 0) + 1);
  if (state.requestHeaders.push(request.headers) > maxHeaders) state.requestHeaders.shift();
  const asked = {
    entitlementId,
    customerId,
    startDate: searchParams.get('start_date'),
    endDate: searchParams.get('end_date'),
  };
  const refusal = refuse(state, request, asked);
  if (state.overall.mode === 'slow') await sleep(state.overall.ms);
  if (refusal !== undefined) return send(response, refusal);
  await behave(response, choose(state, asked, earlierRequests));
}

function choose(state: SimulatorState, asked: SimulatedRequest, earlierRequests: number): Behaviour {
  const { overall, perSecond } = state;
  if (overall.mode === 'reset') return { kind: 'reset' };
  const rate = perSecond.get(Math.floor(state.now() / 1000)) ?? 0;
  const isTooMuch = overall.mode === 'limited' && rate > overall.callsPerSecond;
  const code = overall.mode === 'as' ? overall.code : isTooMuch ? '0429' : undefined;
  const customerId = code === undefined ? asked.customerId : customerOf(code);
  return chooseBehaviour({ ...asked, customerId }, earlierRequests);
}

function refuse({ overall }: SimulatorState, { headers }: IncomingMessage, asked: SimulatedRequest) {
  if (overall.mode === 'down') return unavailable;
  return checkCredentials(headers['x-api-key'], headers.organisation) ?? checkParameters(asked);
}

async function behave(response: ServerResponse, behaviour: Behaviour): Promise<void> {
  switch (behaviour.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'answer':
      if (behaviour.delayMs > 0) await sleep(behaviour.delayMs);
      send(response, behaviour.answer);
  }
}

async function control(
  state: SimulatorState,
  request: IncomingMessage,
  pathname: string,
): Promise<SimulatedAnswer> {
  switch (`${request.method} ${pathname}`) {
    case 'GET /__stats':
      return json(200, readStats(state));
    case 'POST /__reset':
      reset(state);
      return json(200, readStats(state));
    case 'POST /__behaviour':
      state.overall = JSON.parse(Buffer.concat(await request.toArray()).toString());
      return json(200, state.overall);
    default:
      return json(403, { message: 'Missing Authentication Token' });
  }
}

function emptyCounts() {
  return { requests: 0, requestHeaders: [], perKey: new Map(), perSecond: new Map(), aborted: 0, peak: 0 };
}

/** Forgets what was seen; how the simulator behaves stays. */
export function reset(state: SimulatorState): void {
  Object.assign(state, emptyCounts());
}

function readStats({ requests, perKey }: SimulatorState): SimulatorStats {
  return { requests, perKey: Object.fromEntries(perKey) };
}

function send(response: ServerResponse, { status, body, contentType, headers }: SimulatedAnswer): void {
  response
    .writeHead(status, { 'content-type': contentType, 'x-amzn-requestid': randomUUID(), ...headers })
    .end(body);
}
