import { simulatedQuantity } from '../src/simulator/behaviours.ts';

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const hotCustomers = 500;

/** `same`: the same customers each time. `varied`: others of 500 known customers each time. `cold`: never asked before. */
type Customers = 'same' | 'varied' | 'cold';

export type Workload = {
  name: string;
  meaning: string;
  customers: Customers;
  /** Totals of one operation. */
  size: number;
  asEntities: boolean;
  upstreamDelayMs: number;
};

const workload = (name: string, meaning: string, rest: Partial<Workload> = {}): Workload => {
  return { name, meaning, customers: 'same', size: 1, asEntities: false, upstreamDelayMs: 0, ...rest };
};

export const workloads: readonly Workload[] = [
  workload('hot', 'one hot total'),
  workload('hot-500', 'one of 500 hot totals', { customers: 'varied' }),
  workload('50-same', '50 hot totals by aliases, the same variables each time', { size: 50 }),
  workload('50-varied', '50 hot totals by aliases, other variables each time', {
    size: 50,
    customers: 'varied',
  }),
  workload('50-entities-same', '50 hot entities, the same each time', { size: 50, asEntities: true }),
  workload('50-entities-varied', '50 hot entities, others each time', {
    size: 50,
    asEntities: true,
    customers: 'varied',
  }),
  workload('cold', 'one cold total', { customers: 'cold' }),
  workload('cold-20ms', 'one cold total, upstream of 20 ms', { customers: 'cold', upstreamDelayMs: 20 }),
  workload('50-cold', '50 cold totals by aliases', { size: 50, customers: 'cold' }),
];

const customerPattern = /[0-9a-f]{8}-7777-4000-8000-[0-9a-f]{12}/;

/** `series` keeps the customers of one cold run apart from those of all others. */
const toCustomerId = (n: number, series: number) =>
  `${series.toString(16).padStart(8, '0')}-7777-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** The contestants name the type of ids differently. */
function toQuery({ size, asEntities }: Workload, idType: string): string {
  if (asEntities)
    return `query Totals($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { entitlementTotal(entitlementId: "${entitlementId}") { quantity } } } }`;
  const aliases = Array.from({ length: size }, (_, n) => n);
  const fields = aliases.map(
    (n) =>
      `a${n}: customerEntitlementTotal(entitlementId: "${entitlementId}", customerId: $c${n}) { quantity }`,
  );
  return `query Totals(${aliases.map((n) => `$c${n}: ${idType}!`).join(', ')}) { ${fields.join(' ')} }`;
}

function pickCustomers({ size, customers }: Workload, series: number): string[] {
  const pick = {
    same: (n: number) => toCustomerId(n, 0),
    varied: () => toCustomerId(Math.floor(Math.random() * hotCustomers), 0),
    cold: (n: number) => toCustomerId(n, series),
  }[customers];
  return Array.from({ length: size }, (_, n) => pick(n));
}

export type Sample = { body: string; answer: { data: unknown } };

/** One request body and its right answer. */
export function toSample(workload: Workload, idType: string, series: number): Sample {
  const ids = pickCustomers(workload, series);
  const variables = workload.asEntities
    ? { r: ids.map((id) => ({ __typename: 'Customer', id })) }
    : Object.fromEntries(ids.map((id, n) => [`c${n}`, id]));
  const totals = ids.map((customerId) => ({
    quantity: simulatedQuantity({ entitlementId, customerId, startDate: null, endDate: null }),
  }));
  const data = workload.asEntities
    ? { _entities: totals.map((entitlementTotal) => ({ entitlementTotal })) }
    : Object.fromEntries(totals.map((total, n) => [`a${n}`, total]));
  const body = JSON.stringify({ operationName: 'Totals', query: toQuery(workload, idType), variables });
  return { body, answer: { data } };
}

/**
 * The load as a program for wrk: the body of a sample, with customers of its own in each request. Each request has its own
 * `x-request-id` and `traceparent`, as a load balancer or router sends them; one in a hundred is sampled.
 */
export function toLua(workload: Workload, idType: string, series: number): string {
  const { body } = toSample(workload, idType, series);
  const run = series.toString(16).padStart(8, '0');
  const customer = { same: 'known[n]', varied: `known[math.random(${hotCustomers})]`, cold: 'unknown()' };
  const pieces = body.split(customerPattern).map((piece) => `[==[${piece}]==]`);
  return `
local pieces = { ${pieces.join(', ')} }
local known = {}
for n = 1, ${hotCustomers} do known[n] = string.format("00000000-7777-4000-8000-%012x", n - 1) end
local customers = 0
local function unknown()
  customers = customers + 1
  return string.format("${run}-7777-4000-8000-%04x%08x", number, customers)
end
local parts = {}
for n, piece in ipairs(pieces) do parts[2 * n - 1] = piece end
local function body()
  for n = 1, ${workload.size} do parts[2 * n] = ${customer[workload.customers]} end
  return table.concat(parts)
end
${workload.customers === 'same' ? 'local constant = body()\nbody = function() return constant end' : ''}
threads = {}
setup = function(thread)
  threads[#threads + 1] = thread
  thread:set("number", #threads)
end
init = function() math.randomseed(${series} + number) end
local requests = 0
request = function()
  requests = requests + 1
  local id = string.format("%04x%08x", number, requests)
  return "POST /graphql HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\naccept: application/json\\r\\ncontent-type: application/json"
    .. "\\r\\nx-request-id: ${run}-0000-4000-8000-" .. id
    .. "\\r\\ntraceparent: 00-${run}000000000000" .. id .. "-0001" .. id .. (requests % 100 == 0 and "-01" or "-00")
    .. "\\r\\ncontent-length: ${body.length}\\r\\n\\r\\n" .. body()
end
`;
}
