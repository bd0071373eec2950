import { createHash } from 'node:crypto';

export type SimulatedRequest = {
  entitlementId: string;
  customerId: string;
  startDate: string | null;
  endDate: string | null;
};

export type SimulatedResponse = {
  status: number;
  body: string;
  contentType: string;
  headers: Readonly<Record<string, string>>;
};

/** How the simulator treats a request: with a response, with silence, or with a reset of the connection. */
export type Behaviour =
  | { kind: 'respond'; response: SimulatedResponse; delayMs: number }
  | { kind: 'hang' }
  | { kind: 'reset' };

/** The quantity of an ordinary response. It depends on ids and dates only, so that tests can compute it. */
export function simulatedQuantity({
  entitlementId,
  customerId,
  startDate,
  endDate,
}: SimulatedRequest): number {
  const key = [entitlementId, customerId, startDate ?? '', endDate ?? ''].join('/');
  return createHash('sha256').update(key).digest().readUInt32BE() % 100_000;
}

/** The id of the customer that selects the behaviour of a code such as `0404`. */
export function customerOf(code: string): string {
  return `00000000-0000-4000-8000-00000000${code}`;
}

/** Selects the behaviour by the customer's id. `earlierRequests`: those for the same total since the last reset. */
export function chooseBehaviour(request: SimulatedRequest, earlierRequests: number): Behaviour {
  const code = /^00000000-0000-4000-8000-00000000([0-9a-f]{4})$/.exec(request.customerId)?.[1];
  if (code === undefined) return respond(ordinary(request));
  if (code === '9999') return { kind: 'hang' };
  if (code === '8888') return { kind: 'reset' };
  if (code === 'f503') return respond(earlierRequests < 2 ? unavailable : ordinary(request));
  if (code === '1503') return respond(earlierRequests < 1 ? ordinary(request) : unavailable);
  if (code.startsWith('d')) return respond(ordinary(request), Number.parseInt(code.slice(1), 16));
  return respond(failures[code] ?? unusualTotals[code]?.(request) ?? ordinary(request));
}

/** The validation of FastAPI with the messages of Pydantic v2; undefined if all parameters are valid. */
export function checkParameters(request: SimulatedRequest): SimulatedResponse | undefined {
  const uuid = /^\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i;
  const isInteger = (date: string | null) => date === null || /^-?\d+$/.test(date);
  const detail = [
    ...(uuid.test(request.entitlementId) ? [] : [entryV2(['path', 'entitlement_id'], 'uuid_parsing')]),
    ...(uuid.test(request.customerId) ? [] : [entryV2(['path', 'customer_id'], 'uuid_parsing')]),
    ...(isInteger(request.startDate) ? [] : [entryV2(['query', 'start_date'], 'int_parsing')]),
    ...(isInteger(request.endDate) ? [] : [entryV2(['query', 'end_date'], 'int_parsing')]),
  ];
  return detail.length > 0 ? json(422, { detail }) : undefined;
}

/** The response of the API gateway in front of Zenskar to missing credentials. */
export function checkCredentials(apiKey: unknown, organisation: unknown): SimulatedResponse | undefined {
  if (!apiKey) return failures['0401'];
  if (!organisation) return failures['0403'];
  return undefined;
}

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): SimulatedResponse {
  return { status, body: JSON.stringify(body), contentType: 'application/json', headers };
}

function respond(response: SimulatedResponse, delayMs = 0): Behaviour {
  return { kind: 'respond', response, delayMs };
}

function ordinary(request: SimulatedRequest): SimulatedResponse {
  return total(request, { quantity: simulatedQuantity(request) });
}

function total({ entitlementId, customerId }: SimulatedRequest, fields: object): SimulatedResponse {
  return json(200, {
    entitlement: entitlementId.toLowerCase(),
    customer: customerId.toLowerCase(),
    ...fields,
  });
}

function text(status: number, contentType: string, body: string): SimulatedResponse {
  return { status, body, contentType, headers: {} };
}

function entryV2(loc: readonly string[], type: string) {
  const expected = type === 'uuid_parsing' ? 'UUID' : 'integer';
  return { type, loc, msg: `Input should be a valid ${expected}`, input: 'as sent by the caller', ctx: {} };
}

export const unavailable = json(503, { message: 'Service Unavailable' });

const failures: Readonly<Record<string, SimulatedResponse>> = {
  '0400': json(400, { detail: 'The entitlement has no such window' }),
  '0401': json(401, { message: 'Unauthorized' }),
  '0403': json(403, { Message: 'User is not authorized to access this resource with an explicit deny' }),
  '0404': json(404, { detail: 'Entitlement not found' }),
  '0422': json(422, { detail: [entryV2(['query', 'start_date'], 'int_parsing')] }),
  '1422': json(422, {
    detail: [
      { loc: ['query', 'start_date'], msg: 'value is not a valid integer', type: 'type_error.integer' },
      { loc: ['path', 'entitlement_id'], msg: 'value is not a valid uuid', type: 'type_error.uuid' },
    ],
  }),
  '2422': json(422, { detail: 'The window is too long' }),
  '3422': json(422, {
    detail: [{ type: 'missing', loc: ['header', 'organisation'], msg: 'Field required', input: null }],
  }),
  '0429': json(429, { message: 'Too Many Requests' }, { 'retry-after': '1' }),
  '1429': json(429, { message: 'Limit Exceeded' }),
  '0500': text(500, 'text/plain; charset=utf-8', 'Internal Server Error'),
  '9500': text(500, 'text/html', '<html><body><h1>500 Internal Server Error</h1></body></html>'),
  '0502': json(502, { message: 'Internal server error' }),
  '0503': unavailable,
  '2503': json(503, { message: 'Service Unavailable' }, { 'retry-after': '1' }),
  '0504': json(504, { message: 'Endpoint request timed out' }),
  // Other layers answer these instead of Zenskar: ingress, firewall, load balancer.
  '9302': { ...text(302, 'text/html', ''), headers: { location: 'https://maintenance.example.com/' } },
  '9401': text(401, 'text/html', '<html><body><h1>401 Authorization Required</h1></body></html>'),
  '9403': text(403, 'text/html', '<html><body><h1>403 Forbidden</h1></body></html>'),
  '9404': text(404, 'text/plain', 'default backend - 404'),
  '9408': text(408, 'text/html', '<html><body><h1>408 Request Time-out</h1></body></html>'),
};

/** Responses with status 200 at or beyond the limits of the contract. */
const unusualTotals: Readonly<Record<string, (request: SimulatedRequest) => SimulatedResponse>> = {
  '0200': (request) => total(request, { quantity: null }),
  '1200': (request) => total(request, {}),
  '2200': (request) => total(request, { quantity: 45.2 }),
  '3200': (request) => total(request, { quantity: 1e21 }),
  '4200': (request) => total(request, { quantity: '1000.50' }),
  '5200': () => text(200, 'application/json', '{"entitlement": "'),
  '6200': (request) => total(request, { quantity: { units: true } }),
  '7200': (request) => total({ ...request, customerId: request.entitlementId }, { quantity: 7 }),
};
