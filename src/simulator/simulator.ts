import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Behaviour,
  checkCredentials,
  checkParameters,
  chooseBehaviour,
  customerOf,
  json,
  type SimulatedRequest,
  type SimulatedResponse,
  unavailable,
} from './behaviours.ts';

/** A behaviour of all requests, in place of the one that the customer's id selects. */
type OverallBehaviour =
  | { mode: 'ok' }
  /** Status 503. */
  | { mode: 'down' }
  /** Responses are delayed by `ms`. */
  | { mode: 'slow'; ms: number }
  | { mode: 'reset' }
  /** The behaviour of this code. */
  | { mode: 'as'; code: string }
  /** Status 429 beyond a rate. */
  | { mode: 'limited'; callsPerSecond: number };

export type Simulator = {
  /** Listens; resolves to the base URL. */
  start: (host: string, port: number) => Promise<string>;
  stop: () => Promise<void>;
  state: SimulatorState;
};

/** The counts since the last reset, and the current behaviour. */
export type SimulatorState = {
  requests: number;
  /** Of the latest 100 requests. */
  requestHeaders: IncomingMessage['headers'][];
  /** Requests per total, by `entitlement/customer` and the query string. */
  perKey: Map<string, number>;
  /** Requests whose connection the client closed before the response. */
  aborted: number;
  inFlight: number;
  /** The most requests in flight at once. */
  peak: number;
  overall: OverallBehaviour;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Requests by second since the epoch. */
  perSecond: Map<number, number>;
};

const maxRequestHeaders = 100;
const totalPath = /^\/entitlements\/([^/]+)\/customer\/([^/]+)\/total$/;

/** A stand-in for Zenskar with predictable quantities and with failures that clients select by the customer's id. */
export function createSimulator(now = Date.now): Simulator {
  const state: SimulatorState = { ...emptyCounts(), now, inFlight: 0, overall: { mode: 'ok' } };
  const server = createServer((request, response) => {
    state.inFlight += 1;
    state.peak = Math.max(state.peak, state.inFlight);
    response.once('close', () => {
      state.inFlight -= 1;
      if (!response.writableFinished) state.aborted += 1;
    });
    handle(state, request, response).catch(() => response.destroy());
  });

  async function start(host: string, port: number): Promise<string> {
    server.listen(port, host);
    await once(server, 'listening');
    return `http://${isIPv6(host) ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  }

  async function stop(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
  return { start, stop, state };
}

/** Sets all counts to zero; the behaviour stays. */
export function reset(state: SimulatorState): void {
  Object.assign(state, emptyCounts());
}

function emptyCounts() {
  return { requests: 0, requestHeaders: [], perKey: new Map(), perSecond: new Map(), aborted: 0, peak: 0 };
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
  const earlierRequests = count(state, request, `${entitlementId}/${customerId}${search}`);
  const parameters = {
    entitlementId,
    customerId,
    startDate: searchParams.get('start_date'),
    endDate: searchParams.get('end_date'),
  };
  const rejection = reject(state, request, parameters);
  if (state.overall.mode === 'slow') await sleep(state.overall.ms);
  if (rejection !== undefined) return send(response, rejection);
  await behave(response, choose(state, parameters, earlierRequests));
}

/** Returns the number of earlier requests for the same total. */
function count(state: SimulatorState, { headers }: IncomingMessage, key: string): number {
  const second = Math.floor(state.now() / 1000);
  const earlierRequests = state.perKey.get(key) ?? 0;
  state.requests += 1;
  state.perKey.set(key, earlierRequests + 1);
  state.perSecond.set(second, (state.perSecond.get(second) ?? 0) + 1);
  if (state.requestHeaders.push(headers) > maxRequestHeaders) state.requestHeaders.shift();
  return earlierRequests;
}

function reject({ overall }: SimulatorState, { headers }: IncomingMessage, parameters: SimulatedRequest) {
  if (overall.mode === 'down') return unavailable;
  return checkCredentials(headers['x-api-key'], headers.organisation) ?? checkParameters(parameters);
}

function choose(state: SimulatorState, parameters: SimulatedRequest, earlierRequests: number): Behaviour {
  const { overall, perSecond } = state;
  if (overall.mode === 'reset') return { kind: 'reset' };
  const rate = perSecond.get(Math.floor(state.now() / 1000)) ?? 0;
  const isTooMuch = overall.mode === 'limited' && rate > overall.callsPerSecond;
  const code = overall.mode === 'as' ? overall.code : isTooMuch ? '0429' : undefined;
  const customerId = code === undefined ? parameters.customerId : customerOf(code);
  return chooseBehaviour({ ...parameters, customerId }, earlierRequests);
}

async function behave(response: ServerResponse, behaviour: Behaviour): Promise<void> {
  switch (behaviour.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'respond':
      if (behaviour.delayMs > 0) await sleep(behaviour.delayMs);
      send(response, behaviour.response);
  }
}

/** The paths that read and change the simulator; for any other path Zenskar's API gateway responds with 403. */
async function control(
  state: SimulatorState,
  request: IncomingMessage,
  pathname: string,
): Promise<SimulatedResponse> {
  const toStats = () => json(200, { requests: state.requests, perKey: Object.fromEntries(state.perKey) });
  switch (`${request.method} ${pathname}`) {
    case 'GET /__stats':
      return toStats();
    case 'POST /__reset':
      reset(state);
      return toStats();
    case 'POST /__behaviour':
      state.overall = JSON.parse(Buffer.concat(await request.toArray()).toString());
      return json(200, state.overall);
    default:
      return json(403, { message: 'Missing Authentication Token' });
  }
}

function send(response: ServerResponse, { status, body, contentType, headers }: SimulatedResponse): void {
  response
    .writeHead(status, { 'content-type': contentType, 'x-amzn-requestid': randomUUID(), ...headers })
    .end(body);
}
